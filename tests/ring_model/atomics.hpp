// WYE_RING_CHECKED: the ring's atomics as the explorer's.
#pragma once
#include "ring_model/explorer.hpp"

#include <type_traits>

namespace wye::ring {

template <class T>
class Atomic {
public:
    static constexpr bool is_always_lock_free = true;

    T load(std::memory_order o) const noexcept { return static_cast<T>(model::load(&value_, sizeof(T), o)); }
    void store(T v, std::memory_order o) noexcept { model::change(model::Change::store, &value_, sizeof(T), v, o); }
    T exchange(T v, std::memory_order o) noexcept { return changed(model::Change::exchange, v, o); }
    T fetch_add(T v, std::memory_order o) noexcept { return changed(model::Change::add, v, o); }
    T fetch_or(T v, std::memory_order o) noexcept { return changed(model::Change::bits_or, v, o); }
    bool compare_exchange_strong(T& expected, T v, std::memory_order o) noexcept {
        return compare_exchange_strong(expected, v, o, o);
    }
    bool compare_exchange_strong(T& expected, T v, std::memory_order o, std::memory_order failed) noexcept {
        std::uint64_t e = expected;
        const bool done = model::compare_exchange(&value_, sizeof(T), e, v, o, failed);
        expected = static_cast<T>(e);
        return done;
    }
    bool compare_exchange_weak(T& expected, T v, std::memory_order o) noexcept {
        return compare_exchange_strong(expected, v, o, o);
    }

private:
    static_assert(std::is_unsigned_v<T>);
    T changed(model::Change how, T v, std::memory_order o) noexcept {
        return static_cast<T>(model::change(how, &value_, sizeof(T), v, o));
    }
    T value_ = 0;
};

inline void fence(std::memory_order o) noexcept { model::fence(o); }

}  // namespace wye::ring
