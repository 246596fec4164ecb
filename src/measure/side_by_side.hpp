// Channels of one kind side by side between this process and another.
#pragma once
#include "measure/stage.hpp"
#include "measure/use.hpp"

#include <list>

namespace wye::measure {

/// Each has had a message. Where a means can, one more goes before, by which both processes have what they need for
/// any; what they have more is what came after it.
class SideBySide {
public:
    /// What the other one does with the last of its ends when all are open, and the one more is let go of.
    using Then = std::function<void(End&)>;
    SideBySide(const Work&, Means&, std::chrono::nanoseconds quiet, const Then&);

    struct Grown {
        Use here{}, there{};
        Histogram opened{};  ///< how long the other one took for one
    };
    /// Opens them all.
    const Grown& open();
    /// The one more is no longer there.
    void let_go() {
        if (spare_ > 0) ends_.front().reset();
    }
    std::uint64_t count() const noexcept { return all_.size() - spare_; }
    Others& others() noexcept { return others_; }

private:
    void connects(const Work&, const Then&);
    const Work& w_;
    AllMeans more_{};
    std::vector<Means*> all_{};
    std::size_t spare_ = 0;  // 1: the first does not count
    Use at_first_;
    bool inherited_;                  // both ends of each
    std::list<Prepared> prepared_{};  // goes before the means, and after the other process
    Pages<Grown> grown_{};
    Others others_{};
    std::vector<std::unique_ptr<End>> ends_{};
};

}  // namespace wye::measure
