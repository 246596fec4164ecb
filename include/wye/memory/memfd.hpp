#pragma once
#include "wye/core/segment.hpp"
#include "wye/os/fd.hpp"

#include <memory>
#include <string>

namespace wye {

/// What can no longer be done to a memfd, by anybody and for ever (fcntl(2), F_ADD_SEALS).
struct Seals {
    static constexpr unsigned seal = 1, shrink = 2, grow = 4, write = 8, future_write = 16;

    static constexpr unsigned fixed_size = seal | shrink | grow;       ///< both sides may write; nobody may cut it
    static constexpr unsigned one_writer = fixed_size | future_write;  ///< who had it mapped to write before still may
    static constexpr unsigned frozen = fixed_size | write;             ///< what is in it stays as it is
};

struct MemfdOptions {
    std::string name = "wye";  ///< for people: /proc/PID/maps shows it
    std::size_t size = 0;      ///< bytes
};

/// What the receiver of a memfd insists on.
struct MemfdExpect {
    unsigned seals = Seals::frozen;  ///< exactly these
    std::size_t size = 0;            ///< exactly; 0: what it has, up to `most`
    std::size_t most = std::size_t{1} << 30;
};

/// Memory without a name, handed to a peer as a descriptor (UnixSocket::send_fds, or inherited): the shared memory for
/// peers that do not trust each other.
///
/// Make, write, seal, hand over. The receiver's accept() maps nothing before it has seen that it is a memfd with
/// exactly the seals it insists on, and of the right size: from then on no peer can cut it off (SIGBUS) or, where
/// frozen, change it while it is read. That F_GET_SEALS succeeds proves nothing: it does so on any file of a tmpfs.
///
/// Not for: strangers who find each other by a name (PosixShm). What hurts: Seals::frozen is refused (Errc::busy) while
/// anybody has it mapped to write, a forked child too. Its pages count as the maker's memory; there is no limit on them
/// but that of the memory cgroup, whose answer is the OOM killer. Without a peer that holds it, it is gone.
///
/// Threads: the pages are everybody's. After fork: both processes have it. After exec: gone (CLOEXEC).
/// memfd_create(2), fcntl(2) "File Sealing".
class Memfd {
public:
    static constexpr Traits traits{.scheme = "memfd",
                                   .name = "sealed memory (memfd)",
                                   .timing = Timing::async,
                                   .relation = Relation::related,
                                   .boundaries = Boundaries::stream,
                                   .pollable = false,
                                   .ordered = false,
                                   .lossless = false,
                                   .sees_close = false,
                                   .empty_messages = false,
                                   .many_writers = false};

    /// Not executable where the kernel can promise that (MFD_NOEXEC_SEAL, Linux 6.3).
    [[nodiscard]] static Result<Memfd> make(const MemfdOptions&);

    /// Takes the descriptor. Errc::mismatch says what it is instead, and nothing was mapped. Mapped to write only where
    /// the seals leave that to all (Seals::fixed_size) and the descriptor does.
    [[nodiscard]] static Result<Memfd> accept(Fd, MemfdExpect = {});

    Memfd(Memfd&&) noexcept;
    Memfd& operator=(Memfd&&) noexcept;
    ~Memfd();

    /// Errc::denied when it is sealed already. With Seals::write bytes() moves, and mut_bytes() is empty from then on.
    Result<> seal(unsigned seals = Seals::frozen);
    /// As the kernel has them, the one against execution among them.
    Result<unsigned> seals() const;

    Bytes bytes() const noexcept;
    MutBytes mut_bytes() noexcept;
    std::size_t size() const noexcept { return bytes().size(); }
    Result<bool> retired() const { return false; }  ///< it has no name to lose
    int native_handle() const noexcept;             ///< to be handed over

private:
    struct State;
    explicit Memfd(std::unique_ptr<State>) noexcept;
    std::unique_ptr<State> state_;
};

static_assert(SharedMemory<Memfd>);

}  // namespace wye
