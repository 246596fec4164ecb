// What pieces of work are made of: how long, what a message says of itself, who takes part.
#pragma once
#include "measure/clock.hpp"
#include "measure/others.hpp"
#include "measure/work.hpp"

#include <algorithm>
#include <exception>

namespace wye::measure {

/// How long, or how many; and a tenth of it before, that does not count.
class Until {
public:
    Until(const Work& w, int part = 1, int of = 1)
        : most_(w.messages), time_(ticks_of(w.time * part / of)), end_(ticks() + time_) {}
    Until warm() const {
        Until u = *this;
        u.most_ = std::max<std::uint64_t>(most_ / 10, most_ ? 1 : 0);
        u.end_ = ticks() + time_ / 10;
        return u;
    }
    /// At least one or so many, however long it took to get here.
    bool more(std::uint64_t done, std::uint64_t least = 1) const {
        return most_ ? done < most_ : done < least || ticks() < end_;
    }

private:
    std::uint64_t most_, time_, end_;
};

/// What a message says of itself, where it is long enough.
struct Stamp {
    std::uint64_t at, number;
};

void stamp(std::vector<std::byte>& to, Stamp s);
std::uint64_t units(std::uint64_t ticks, double ways = 1);
void sleep_until(std::uint64_t when);

/// What a means made for a piece of work goes, however that ends.
class Prepared {
public:
    Prepared(Means& m, Shape shape, unsigned parties) : m_(m) {
        try {
            m_.prepare(shape, parties);
        } catch (const std::exception&) {
            m_.clean();
            throw;
        }
    }
    ~Prepared() { m_.clean(); }
    Prepared(const Prepared&) = delete;

private:
    Means& m_;
};

/// What another process threw is why this one waits in vain.
std::string& trouble_of_another() noexcept;

/// The measuring process and those beside it, each with its end open.
class Stage {
public:
    using Body = std::function<void(End&, Board::Place&, unsigned which)>;
    Stage(const Work& w, Means& m, Shape shape) : w_(w), m_(m), prepared_(m, shape, w.parties) {
        for (const auto pid : m_.daemons) others_.counts(pid);
    }
    ~Stage() {
        if (std::uncaught_exceptions() > 0) trouble_of_another() = others_.trouble();
        end_.reset();
    }
    Board& board() { return others_.board(); }
    Others& others() { return others_; }
    /// How one lives whose body that is.
    using Around = std::function<void(const std::function<void()>&)>;
    void beside(unsigned n, Role role, const Body& body, const Around& around = {});
    End& here(Role role);
    /// The end of before is gone with who was at its other end.
    End& again(Role role);
    void leave() { end_.reset(); }
    void begin() { begin_ = others_.cost(); }
    /// What all have cost since begin(), a message.
    void cost(Taken& t, double messages);

private:
    bool pinned() const { return !m_.own_threads && w_.parties == 2; }
    const Work& w_;
    Means& m_;
    Prepared prepared_;  // outlives the others
    Others others_;
    std::unique_ptr<End> end_;
    Others::Cost begin_{};
};

inline std::vector<std::byte> room_for(const Work& w) {
    return std::vector<std::byte>(std::max<std::size_t>(w.size, 1), std::byte{1});
}
inline std::vector<std::byte> message_of(const Work& w) { return std::vector<std::byte>(w.size, std::byte{1}); }

}  // namespace wye::measure
