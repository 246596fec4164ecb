// Waiting for a ring by descriptors: for a caller's poll(2), and for long waits of our own.
#pragma once
#include "wye/os/fd.hpp"
#include "wye/transport/shm_ring/bell.hpp"

#include "io/participants.hpp"

#include <string>
#include <vector>

namespace wye::shm {

enum Bells : std::uint32_t { data_bell = 1, space_bell = 2, armings = 4 };  // above them: how often it was armed

/// A descriptor that is readable when a bell was rung that this participant armed, and when another participant's
/// process ends: by a FIFO of our own beside the segment, and pidfds, behind one epoll. So nobody need look now and
/// then.
class Watch {
public:
    static Result<Watch> open(const std::string& ring, std::uint32_t slot);
    Watch(Watch&&) = default;
    Watch& operator=(Watch&&) = default;
    ~Watch();

    int fd() const noexcept { return epoll_.get(); }
    /// The bell is another process's: a copy that fork() made.
    void forget() noexcept { path_.clear(); }
    /// From now on `bells` ring it. The caller looks again afterwards, and before he does has fenced.
    void arm(const Participants&, Participants::Mark self, std::uint32_t bells);
    /// Who ended and still has his place (his lock lives on in somebody else's hands) would make it readable for ever.
    void forget_ended();
    /// Whether every other participant's end will be seen: not one in another pid namespace.
    bool sees_all() const noexcept { return sees_all_; }

private:
    struct Peer {
        std::uint32_t mark;
        Fd process;
    };
    explicit Watch(std::string path) : path_(std::move(path)) {}
    std::string path_;
    Fd fifo_, epoll_;
    std::vector<Peer> peers_;
    std::vector<std::uint32_t> ended_;  // see forget_ended()
    bool sees_all_ = true;
};

/// The other end: rings those who armed.
class Ringing {
public:
    void ring(const std::string& ring, const Participants&, std::uint32_t bell) noexcept;
    /// Armed or not: of a ring that is being removed.
    static void everybody(const std::string& ring) noexcept;

private:
    struct Known {
        std::uint32_t mark;
        Fd fifo;
    };
    std::vector<Known> known_;
};

}  // namespace wye::shm
