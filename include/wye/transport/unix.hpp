#pragma once
#include "wye/io/framed_stream.hpp"
#include "wye/io/packet_socket.hpp"

#include <sys/types.h>

#include <memory>
#include <string>
#include <variant>

namespace wye {

/// Who keeps messages apart: our framing on `stream`, the kernel on the other two. `dgram` has no connection: many
/// write to one.
enum class UnixType : std::uint8_t { stream, seqpacket, dgram };

struct UnixOptions {
    UnixType type = UnixType::stream;
    StreamOptions stream{};              ///< of type stream only
    Create create = Create::if_missing;  ///< exclusive: also a stale path is Errc::already_exists
    unsigned permissions = 0600;         ///< of the path that is made; connecting takes the right to write
    bool pass_fds = false;               ///< take part in passing descriptors (send_fds, recv_fds)
    unsigned max_fds = 4;                ///< with one message; more are closed and the message refused
};

/// The other end of a connection, as the kernel knows it.
struct Peer {
    uid_t uid;
    gid_t gid;
    /// Of the process that connected or listened; it may be gone since and the number reused: never a proof of
    /// anything.
    pid_t pid;
    /// Names that very process for ever (pidfd_open(2)); empty when it has ended, or when the kernel cannot.
    Fd pidfd;
    /// The kernel remembered the pidfd (Linux 6.5). Else it was opened by number just now, and may name a successor.
    bool pidfd_is_exact = false;
};

class UnixName;  // a bound path

/// A Unix socket: both ways between strangers on one host, with descriptors and proof of who is there. unix(7).
///
/// Addresses: a path, or `@name` in the abstract namespace (of this network namespace; no permissions guard it).
/// Not for: other hosts (TcpSocket); a queue that outlives its reader (posix-mq).
/// What hurts: a path stays when its owner was killed; the next listener takes it over, one that is alive is
/// Errc::busy, and what is no socket is never touched. Who may connect is said by the path's permissions and its
/// directory's. A datagram for a socket that is gone is Errc::not_found, once; what it had not read is lost. Empty
/// messages arrive as such, also on seqpacket. Descriptors: dropped by the kernel unless pass_fds. Passing any is
/// trust: check what arrives. Threads: one may send while another receives. A second writer on one stream end would
/// interleave. After fork: both processes hold it; only the one that made a path removes it. After exec: gone.
class UnixSocket {
public:
    static constexpr Traits traits{.scheme = "unix",
                                   .name = "Unix socket",
                                   .timing = Timing::sync,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::any,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::filesystem,
                                   .passes_fds = true,
                                   .duplex = true};

    /// Errc::not_found when nobody listens there, Errc::mismatch when someone listens with another type.
    [[nodiscard]] static Result<UnixSocket> connect(const std::string& address, UnixOptions = {},
                                                    Deadline = Deadline::never());
    /// Datagrams: hears everybody, and send() answers to whoever wrote last.
    [[nodiscard]] static Result<UnixSocket> bind(const std::string& address, UnixOptions = {});
    /// From a connected socket that was inherited or passed.
    UnixSocket(Fd, UnixOptions);
    UnixSocket(UnixSocket&&) noexcept;
    UnixSocket& operator=(UnixSocket&&) noexcept;
    ~UnixSocket();

    Result<> send(Bytes b, Deadline d = Deadline::never()) {
        if (auto* s = std::get_if<FramedStream>(&io_)) return s->send(b, d);
        return std::get_if<PacketSocket>(&io_)->send(b, d);
    }
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) {
        if (passing_) [[unlikely]]
            return recv_fds(into, nullptr, d);
        if (auto* s = std::get_if<FramedStream>(&io_)) return s->recv(into, d);
        return std::get_if<PacketSocket>(&io_)->recv(into, d);
    }
    Result<Bytes> recv_view(Deadline d = Deadline::never()) {
        if (passing_) [[unlikely]]
            return recv_passing({}, nullptr, d);
        if (auto* s = std::get_if<FramedStream>(&io_)) return s->recv_view(d);
        return std::get_if<PacketSocket>(&io_)->recv_view(d);
    }

    /// With up to max_fds descriptors, which stay open here. On raw streams the message must not be empty.
    Result<> send_fds(Bytes, std::span<const int> fds, Deadline = Deadline::never());
    /// Appends the descriptors that came with the message; they are CLOEXEC. Errc::too_big when there were more than
    /// max_fds (all are closed, the message is gone), Errc::exhausted when this process had no room for them: the
    /// connection is of no use then. On a stream they belong to the message whose first byte they came with: send one
    /// message a call.
    Result<MutBytes> recv_fds(MutBytes into, std::vector<Fd>& fds, Deadline = Deadline::never());

    Result<> close_write();
    Result<> wait_peer(Deadline = Deadline::never());
    /// Connected sockets only.
    Result<Peer> peer() const;

    UnixType type() const noexcept { return options_.type; }
    const Traits& own_traits() const noexcept;
    std::size_t max_message() const noexcept;
    int native_handle() const noexcept;
    Channel::RawHandles raw_handles() const noexcept;

private:
    friend class UnixListener;
    struct Passing;
    UnixSocket(Fd, UnixOptions, bool answers, std::unique_ptr<UnixName>);
    Result<MutBytes> recv_fds(MutBytes into, std::vector<Fd>*, Deadline);
    Result<Bytes> recv_passing(FrameDecoder::Into, std::vector<Fd>*, Deadline);

    UnixOptions options_;
    std::variant<FramedStream, PacketSocket> io_;
    std::unique_ptr<Passing> passing_;
    std::unique_ptr<UnixName> name_;  // last: the path goes before the socket does
};

const Traits& traits_of(UnixType) noexcept;

/// Waits for connections of type stream or seqpacket. accept() may be called by several threads.
class UnixListener {
public:
    /// Errc::busy when someone listens there, Errc::mismatch when something else is at the path.
    [[nodiscard]] static Result<UnixListener> listen(const std::string& address, UnixOptions = {});
    UnixListener(UnixListener&&) noexcept;
    UnixListener& operator=(UnixListener&&) noexcept;
    ~UnixListener();

    /// Errc::exhausted, after a second, when no descriptor is free; the connection waits.
    [[nodiscard]] Result<UnixSocket> accept(Deadline = Deadline::never());
    std::size_t max_message() const noexcept { return max_message_; }
    int native_handle() const noexcept { return fd_.get(); }
    const Traits& own_traits() const noexcept { return traits_of(options_.type); }

private:
    UnixListener(Fd, UnixOptions, std::unique_ptr<UnixName>);
    Fd fd_;
    UnixOptions options_;
    std::size_t max_message_;
    std::unique_ptr<UnixName> name_;  // last, as above
};

extern const Mechanism unix_mechanism;

static_assert(Sender<UnixSocket> && Viewer<UnixSocket> && HalfCloser<UnixSocket> && Pollable<UnixSocket>);

}  // namespace wye
