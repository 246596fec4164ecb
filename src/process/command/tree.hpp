// The descendants of a process, as /proc shows them.
#pragma once
#include "wye/os/fd.hpp"

#include <vector>

namespace wye {

/// Found before anything is killed: an orphan is its parent's no longer.
class Tree {
public:
    /// Adds those that are not known yet.
    void look(int root);
    void signal(int number) const noexcept;
    /// Readable when it has ended.
    const std::vector<Fd>& pidfds() const noexcept { return pidfds_; }

private:
    void add_children_of(int parent, std::vector<int>& next);
    std::vector<int> pids_;
    std::vector<Fd> pidfds_;
};

}  // namespace wye
