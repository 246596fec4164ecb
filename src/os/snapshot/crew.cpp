#include "os/snapshot/crew.hpp"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <semaphore>

namespace wye::sys {

Helper::Helper(std::function<void()> work) : work_(std::move(work)) {
    sigset_t all, before;
    sigfillset(&all);
    if (::pthread_sigmask(SIG_BLOCK, &all, &before) != 0) return;
    const auto run = [](void* p) -> void* { return static_cast<Helper*>(p)->work_(), nullptr; };
    started_ = ::pthread_create(&thread_, nullptr, run, this) == 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Helper::join() noexcept {
    if (started_ && !joined_) ::pthread_join(thread_, nullptr);
    joined_ = true;
}

void share_out(std::size_t count, std::size_t helpers, const std::function<void(std::size_t n, std::size_t who)>& work,
               std::size_t turn, const std::function<void()>& meanwhile) {
    constexpr std::size_t piece = 4;
    std::atomic<std::size_t> next{0};
    std::binary_semaphore near{0};
    const auto some = [&](std::size_t who) {
        for (;;) {
            const auto from = next.fetch_add(piece, std::memory_order_relaxed);
            if (from <= turn && turn < from + piece) near.release();
            if (from >= count) return;
            for (auto n = from; n < std::min(count, from + piece); ++n) work(n, who);
        }
    };
    std::deque<Helper> others;
    for (std::size_t who = 0; who < helpers; ++who)
        if (!others.emplace_back([&, who] { some(who); }).started()) {
            others.pop_back();
            break;
        }
    if (others.empty())
        some(0);
    else
        near.acquire();
    meanwhile();
}

}  // namespace wye::sys
