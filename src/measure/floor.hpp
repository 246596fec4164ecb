// What the machine gives, and no means can beat: in the same harness, and in every run.
#pragma once
#include "measure/means.hpp"

namespace wye::measure {

/// F: a cache line one way between two processes that look at it again and again ("floor:line", and "floor:pause",
/// which pauses between two looks; the better of the two is F). W: a sleeper woken by futex(2) ("floor:wake").
AllMeans floor_means();

}  // namespace wye::measure
