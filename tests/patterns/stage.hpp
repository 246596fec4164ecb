// How the patterns' suites get at what carries them: an address nobody uses, and how each side says it.
#pragma once
#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/request.hpp"
#include "wye/pattern/work_queue.hpp"

#include "support/support.hpp"

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace wye::test {

using namespace std::chrono_literals;
constexpr auto patience = 10s;  // far beyond what any step needs: reaching it is a failure

/// Made in the parent, and ended there with all that it made.
class Stage {
public:
    virtual ~Stage() = default;
    std::string first;   ///< for who opens first: the publisher, the producer, the server
    std::string others;  ///< for all others
};

struct Subject {
    std::string name;  ///< "shm", "unix"
    carrier::Abilities able;
    std::function<std::unique_ptr<Stage>()> make;
    bool at_most_once = false;  ///< its queue opens only so
};

inline void PrintTo(const Subject& s, std::ostream* out) { *out << s.name; }
inline std::string name_of(const testing::TestParamInfo<Subject>& i) { return i.param.name; }

std::vector<Subject> pub_sub_subjects();
std::vector<Subject> queue_subjects();
std::vector<Subject> request_subjects();

/// A structure that says whether it is whole.
struct Numbered {
    std::uint32_t from, number;
    std::uint64_t check;
    static Numbered make(std::uint32_t from, std::uint32_t number) {
        return {from, number, (std::uint64_t{from} << 32 | number) * 0x9e3779b97f4a7c15};
    }
    bool whole() const { return check == (std::uint64_t{from} << 32 | number) * 0x9e3779b97f4a7c15; }
};

}  // namespace wye::test
