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

/// work(n, who) for each n below `count`, once and in no order, by up to `workers` threads: `who` is the number of
/// one. The caller is number 0, and does alone what no thread is to be had for. All is awaited.
void share_out(std::size_t count, std::size_t workers, const std::function<void(std::size_t n, std::size_t who)>& work);

}  // namespace wye::sys
