// The rooms of wye, and the patterns that they carry, as means to be measured.
#pragma once
#include "measure/means.hpp"

#include <string_view>

namespace wye::measure {

/// Everything of this build that two processes of one machine can talk by, from the registry: nothing is known of a
/// room but its Mechanism. Objects with a path lie below `directory`. `nats_uri`: a server's, with SUBJECT where a
/// subject belongs; without it there is no nats:. `only`: of the room that this name belongs to, for some of them take
/// long to make addresses.
AllMeans room_means(const std::string& directory, const std::string& nats_uri = {}, std::string_view only = {});

}  // namespace wye::measure
