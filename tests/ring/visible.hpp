// What other processes can see of a ring, and of the report that its victim gives of itself.
#pragma once
#include "ring/stage.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace wye::test {

class Visible {
public:
    explicit Visible(const Stage&);
    ~Visible();
    Visible(const Visible&) = delete;
    Visible& operator=(const Visible&) = delete;

    /// Whether it is another than at the last call, after the instruction at that address. A system call may do what
    /// cannot be seen here (locks, sleepers, files): it always is.
    bool changed_by(std::uintptr_t executed);

private:
    struct Pages {
        const std::byte* data = nullptr;
        std::size_t size = 0;
        std::vector<std::byte> before;
    };
    void look_for_files();
    static bool changed(Pages&);

    const std::string name_;
    std::map<std::string, Pages> files_;
    Pages report_;
};

}  // namespace wye::test
