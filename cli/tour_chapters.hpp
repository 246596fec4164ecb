// What programs use to agree rather than to talk: the other half of the tour, a chapter each.
#pragma once
#include <functional>
#include <string>
#include <vector>

namespace wye::cli {

struct Chapter {
    std::string name;        // "sysv-sem"
    std::string what;        // what is shown: "a token to and fro between two processes, 1000 times"
    std::string trouble;     // why it failed, or what the kernel lacks
    bool missing = false;    // the kernel lacks it: said, and no failure
    double nanoseconds = 0;  // what one of it took

    bool failed() const { return !missing && !trouble.empty(); }
};

/// Each chapter as it is over. What a chapter makes by name goes to `names` first, for the look at what is left behind.
void tour_chapters(const std::string& directory, std::vector<std::string>& names,
                   const std::function<void(const Chapter&)>& told);

}  // namespace wye::cli
