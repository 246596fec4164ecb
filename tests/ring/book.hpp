// What came of each thing that was done to a ring, for one report of all tests.
#pragma once
#include "ring/stage.hpp"

namespace wye::test {

class Book {
public:
    static Tally& of(const std::string& scene, const char* what);
};

/// How far apart the points are of which `most` are tried, or as many as WYE_SOAK says ("all": ./dev soak).
long stride(long all, long most);

}  // namespace wye::test
