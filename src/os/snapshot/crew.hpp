// Several threads for one pass: what reading /proc costs is the kernel's work, and that scales with the processors.
#pragma once
#include <pthread.h>

#include <cstddef>
#include <functional>

namespace wye::sys {

/// A thread of our own, which no signal reaches. It is awaited at the latest when this goes.
class Helper {
public:
    explicit Helper(std::function<void()> work);
    ~Helper() { join(); }
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;
    bool started() const noexcept { return started_; }
    void join() noexcept;

private:
    const std::function<void()> work_;
    pthread_t thread_{};
    bool started_ = false, joined_ = false;
};

/// work(n, who) for each n below `count`, once and in no order, by so many helpers: `who` is the number of one. Where
/// none is to be had the caller does it, as number 0. Once the n of `turn` has been given out the caller does
/// `meanwhile`. All is awaited.
void share_out(std::size_t count, std::size_t helpers, const std::function<void(std::size_t n, std::size_t who)>& work,
               std::size_t turn, const std::function<void()>& meanwhile);

}  // namespace wye::sys
