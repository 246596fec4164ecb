// What came for calls that nobody looks at just now.
#pragma once
#include "wye/pattern/carrier.hpp"

#include "pattern/hub/bell.hpp"
#include "pattern/hub/wire.hpp"

#include <deque>
#include <unordered_map>
#include <vector>

namespace wye::hub {

class Answers {
public:
    struct Answer {
        std::vector<std::byte> bytes{};
        bool last = true;
        std::optional<Errc> failed{};
    };
    static constexpr std::size_t most_bytes = std::size_t{64} << 20;

    void forget(std::uint64_t call) {
        const auto it = all_.find(call);
        if (it == all_.end()) return;
        for (const auto& a : it->second) count(a, false);
        all_.erase(it);
    }
    /// Of a call that is under way. False: there is no room for it, and the call has failed.
    bool add(const Frame& f) {
        Answer a{.bytes = {f.body.begin(), f.body.end()}, .last = f.kind == Kind::failed || (f.flags & flag_last)};
        if (f.kind == Kind::failed) a.failed = kind_of(f);
        const bool full = bytes_ + f.body.size() > most_bytes;
        if (full) a = {.bytes = {}, .last = true, .failed = Errc::exhausted};
        count(a, true);
        all_[f.words[0]].push_back(std::move(a));
        return !full;
    }
    std::optional<Answer> take(std::uint64_t call) {
        const auto it = all_.find(call);
        if (it == all_.end()) return {};
        auto a = std::move(it->second.front());
        it->second.pop_front();
        count(a, false);
        if (it->second.empty()) all_.erase(it);
        return a;
    }
    bool any() const noexcept { return waiting_ > 0; }

    static Errc kind_of(const Frame& f) noexcept {
        return f.words[1] >= 1 && f.words[1] <= std::uint64_t(Errc::failed) ? Errc(f.words[1]) : Errc::failed;
    }
    /// An answer as it is handed out; `room` is where its bytes stay.
    static Result<carrier::Reply> hand_out(Answer& room) {
        if (!room.failed) return carrier::Reply{room.bytes, room.last};
        return refuse(*room.failed, room.bytes.empty() ? why(*room.failed) : text_of(room.bytes));
    }
    static std::string_view why(Errc kind) noexcept {
        switch (kind) {
            case Errc::peer_died:
                return "the server died over the request";
            case Errc::not_found:
                return "no server is there";
            case Errc::exhausted:
                return "too much of the answers was not looked at";
            default:
                return "the request failed";
        }
    }

private:
    void count(const Answer& a, bool more) noexcept {
        waiting_ = more ? waiting_ + 1 : waiting_ - 1;
        bytes_ = more ? bytes_ + a.bytes.size() : bytes_ - a.bytes.size();
    }
    std::unordered_map<std::uint64_t, std::deque<Answer>> all_;
    std::size_t waiting_ = 0, bytes_ = 0;
};

}  // namespace wye::hub
