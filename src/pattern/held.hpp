// What a carrier keeps for its user until it is told what becomes of it.
#pragma once
#include "wye/base/error.hpp"

#include <optional>
#include <vector>

namespace wye::carrier {

/// Things by token; a token that was given back is Errc::not_found until it is used again.
template <class T>
class Held {
public:
    std::uint64_t add(T&& v) {
        if (free_.empty()) {
            free_.push_back(all_.size());
            all_.emplace_back();
            free_.reserve(all_.size());  // so that take() needs no memory
        }
        const auto token = free_.back();
        free_.pop_back();
        all_[token].emplace(std::move(v));
        return token;
    }
    T* find(std::uint64_t token) noexcept { return token < all_.size() && all_[token] ? &*all_[token] : nullptr; }
    std::optional<T> take(std::uint64_t token) noexcept {
        if (!find(token)) return std::nullopt;
        free_.push_back(token);
        return std::exchange(all_[token], std::nullopt);
    }
    /// What find() has found is over.
    void drop(std::uint64_t token) noexcept {
        free_.push_back(token);
        all_[token].reset();
    }
    std::size_t size() const noexcept { return all_.size() - free_.size(); }

private:
    std::vector<std::optional<T>> all_;
    std::vector<std::uint64_t> free_;
};

}  // namespace wye::carrier
