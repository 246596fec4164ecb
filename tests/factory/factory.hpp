// What the scenes share.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace wye::factory {

using Words = std::vector<std::string>;

/// Makes something and leaves it there; what it says (`say`) is for the test, what it opens stays open.
struct Scene {
    const char* name;
    const char* arguments;
    const char* what;
    void (*make)(const Words&);
};
std::span<const Scene> sysv_scenes();
std::span<const Scene> file_scenes();
std::span<const Scene> socket_scenes();
std::span<const Scene> other_scenes();
std::span<const Scene> knot_scenes();
std::span<const Scene> crowd_scenes();

/// Ends the program with the errno of `what` where a call failed.
long must(long result, const char* what);

/// Says that all is ready. What sleeps in a call says it before.
void ready();

/// A copy of this process that waits for its end. Answers its pid.
int copy();

}  // namespace wye::factory
