// Bytes that wait, on their way in or out: put behind, taken before. What it begins with is aligned to eight.
#pragma once
#include "pattern/hub/wire.hpp"

#include <memory>

namespace wye::hub {

class Pile {
public:
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t size() const noexcept { return end_ - begin_; }
    Bytes bytes() const noexcept { return {at_.get() + begin_, end_ - begin_}; }
    /// A place for `n` bytes behind the rest; `added` says how many were put there.
    std::byte* room(std::size_t n) {
        if (n > capacity_ - end_) grow(n);
        return at_.get() + end_;
    }
    std::size_t free() const noexcept { return capacity_ - end_; }
    void added(std::size_t n) noexcept { end_ += n; }
    void took(std::size_t n) noexcept {
        begin_ += n;
        if (begin_ != end_) return;
        begin_ = end_ = 0;
        if (capacity_ > most_kept) at_.reset(), capacity_ = 0;
    }
    void add(Bytes b) {
        if (b.empty()) return;
        std::memcpy(room(b.size()), b.data(), b.size());
        added(b.size());
    }
    void add(const Frame& f) {
        Front front;
        make_front(f, front);
        auto* to = room(front.size + f.body.size() + front.padding);
        std::memcpy(to, front.bytes, front.size);
        if (!f.body.empty()) copy_bytes(to + front.size, f.body.data(), f.body.size());
        std::memset(to + front.size + f.body.size(), 0, front.padding);
        added(front.size + f.body.size() + front.padding);
    }
    void clear() noexcept { took(size()); }

private:
    static constexpr std::size_t most_kept = std::size_t{1} << 20;  // of an empty one
    void grow(std::size_t n) {
        const auto have = size();
        if (have + n > capacity_ || begin_ < capacity_ / 2) {
            const auto capacity = std::max(2 * capacity_, std::max<std::size_t>(4096, have + n));
            auto bigger = std::make_unique_for_overwrite<std::byte[]>(capacity);
            if (have) std::memcpy(bigger.get(), at_.get() + begin_, have);
            at_ = std::move(bigger), capacity_ = capacity;
        } else {
            std::memmove(at_.get(), at_.get() + begin_, have);
        }
        begin_ = 0, end_ = have;
    }

    std::unique_ptr<std::byte[]> at_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace wye::hub
