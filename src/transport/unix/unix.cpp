// Unix sockets: both ways between strangers on one host.
#include "wye/transport/unix.hpp"

#include "io/first_peer.hpp"
#include "io/unix_name.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/object.hpp"
#include "passing.hpp"

namespace wye {
namespace {

constexpr Traits messages(bool connected) {
    auto t = UnixSocket::traits;
    t.boundaries = Boundaries::message;
    t.sees_close = connected;
    return t;
}
constexpr Traits seqpacket_traits = messages(true), dgram_traits = messages(false);

// The kernel keeps 32 bytes of the send buffer back: unix_dgram_sendmsg refuses a message larger than the rest.
std::size_t largest(int fd) noexcept {
    const long buffer = sys::option(fd, SOL_SOCKET, SO_SNDBUF);
    return buffer > 32 ? static_cast<std::size_t>(buffer - 32) : 0;
}

std::variant<FramedStream, PacketSocket> io_of(Fd fd, const UnixOptions& o, bool answers) {
    if (o.type == UnixType::stream) return FramedStream(std::move(fd), o.stream);
    const auto max = largest(fd.get());
    return PacketSocket(std::move(fd), {.max_message = max,
                                        .largest = max,
                                        .has_end = o.type == UnixType::seqpacket,
                                        .answers = answers,
                                        .peer_can_be_full = answers});
}

int socket_type(UnixType t) noexcept {
    return t == UnixType::stream ? SOCK_STREAM : t == UnixType::seqpacket ? SOCK_SEQPACKET : SOCK_DGRAM;
}

UnixNamePlan plan_of(const UnixOptions& o) noexcept {
    return {.create = o.create, .permissions = o.permissions, .listens = o.type != UnixType::dgram};
}

Result<Fd> new_socket(UnixType type, int flags) {
    const long r = sys::socket(AF_UNIX, socket_type(type) | flags, 0);
    if (r < 0) return sys::fail(r, "socket");
    return Fd(static_cast<int>(r));
}

}  // namespace

const Traits& traits_of(UnixType t) noexcept {
    return t == UnixType::stream ? UnixSocket::traits : t == UnixType::seqpacket ? seqpacket_traits : dgram_traits;
}

UnixSocket::UnixSocket(Fd fd, UnixOptions o) : UnixSocket(std::move(fd), o, false, nullptr) {}
UnixSocket::UnixSocket(Fd fd, UnixOptions o, bool answers, std::unique_ptr<UnixName> name)
    : options_(o), io_(io_of(std::move(fd), o, answers)), name_(std::move(name)) {
    if (o.pass_fds) passing_ = std::make_unique<Passing>(o.max_fds);
}
UnixSocket::UnixSocket(UnixSocket&&) noexcept = default;
UnixSocket& UnixSocket::operator=(UnixSocket&& o) noexcept {
    name_.reset();
    options_ = o.options_;
    io_ = std::move(o.io_);
    passing_ = std::move(o.passing_);
    name_ = std::move(o.name_);
    return *this;
}
UnixSocket::~UnixSocket() = default;

Result<UnixSocket> UnixSocket::connect(const std::string& address, UnixOptions o, Deadline deadline) {
    Fd directory;
    WYE_TRY(const auto to, unix_address(address, directory));
    WYE_TRY(auto fd, new_socket(o.type, SOCK_NONBLOCK));
    if (o.type != UnixType::stream) {
        // A name of the kernel's choosing: the other end can answer datagrams, and tell our empty messages from the
        // end.
        const sa_family_t family = AF_UNIX;
        sys::Address any;
        any.storage.ss_family = family;
        if (const long r = sys::bind(fd.get(), any.get(), sizeof family); r < 0) return sys::fail(r, "bind");
    }
    if (auto r = sys::connect(fd.get(), to, deadline, address); !r) {
        if (r.error().sys() != EPROTOTYPE) return std::unexpected(std::move(r).error());
        return refuse(Errc::mismatch, address + ": listens with another type (stream, seqpacket, dgram)");
    }
    return UnixSocket(std::move(fd), o);
}

Result<UnixSocket> UnixSocket::bind(const std::string& address, UnixOptions o) {
    o.type = UnixType::dgram;
    WYE_TRY(auto fd, new_socket(o.type, 0));
    WYE_TRY(auto name, bind_unix(fd.get(), address, plan_of(o)));
    return UnixSocket(std::move(fd), o, true, std::move(name));
}

Result<> UnixSocket::send_fds(Bytes b, std::span<const int> fds, Deadline d) {
    if (!passing_) return refuse(Errc::unsupported, "passing descriptors is off (UnixOptions::pass_fds)");
    if (fds.size() > std::min<std::size_t>(options_.max_fds, DescriptorRoom::most))
        return fail(Errc::too_big, "send_fds");
    DescriptorRoom room;
    const auto beside = room.pack(fds);
    if (auto* p = std::get_if<PacketSocket>(&io_)) return p->send(b, d, beside);
    if (b.empty() && options_.stream.framing == Framing::raw && !fds.empty())
        return refuse(Errc::unsupported, "descriptors travel with a byte at least");
    return std::get<FramedStream>(io_).send(b, d, beside);
}

Result<MutBytes> UnixSocket::recv_fds(MutBytes into, std::vector<Fd>& fds, Deadline d) {
    if (!passing_) return refuse(Errc::unsupported, "passing descriptors is off (UnixOptions::pass_fds)");
    return recv_fds(into, &fds, d);
}

Result<MutBytes> UnixSocket::recv_fds(MutBytes into, std::vector<Fd>* fds, Deadline d) {
    WYE_TRY(const auto message, recv_passing(into, fds, d));
    return into.first(message.size());
}

Result<Bytes> UnixSocket::recv_passing(FrameDecoder::Into into, std::vector<Fd>* fds, Deadline d) {
    auto& p = *passing_;
    const auto lost = [&] {
        p.broken = true;
        return refuse(Errc::exhausted, "descriptors were lost on the way in: this process has no room for more");
    };
    if (p.broken) return lost();
    DescriptorRoom room;
    Passing::Held with;
    auto* stream = std::get_if<FramedStream>(&io_);
    auto got = [&]() -> Result<Bytes> {
        if (!stream) {
            PacketSocket::Beside beside{.room = room.bytes};
            auto& packets = std::get<PacketSocket>(io_);
            auto message = into ? Result<Bytes>(packets.recv(*into, d, &beside)) : packets.recv_view(d, &beside);
            p.came(room.unpack(beside.used), p.read + 1);
            if (beside.cut) return lost();
            return message;
        }
        const auto read = [&](const iovec* v, int n) -> Result<std::size_t> {
            msghdr m{};
            auto r = sys::message_by(stream->in(), POLLIN, d, "recvmsg", [&](int flags) {
                m = {};
                m.msg_iov = const_cast<iovec*>(v);
                m.msg_iovlen = static_cast<std::size_t>(n);
                m.msg_control = room.bytes;
                m.msg_controllen = sizeof room.bytes;
                return sys::recvmsg(stream->in(), &m, flags);
            });
            if (!r) return r;
            p.read += *r;
            p.came(room.unpack(m.msg_controllen), p.read);
            if (m.msg_flags & MSG_CTRUNC) return lost();
            return r;
        };
        return stream->recv_by(into, read);
    }();
    if (!got) return got;
    if (stream) {
        const auto end = p.read - stream->decoder().buffered();
        const auto framing = options_.stream.framing;
        const auto extra = framing == Framing::frame ? FrameHeader::size : framing == Framing::raw ? 0u : 1u;
        with = p.of(end - std::min(end, got->size() + extra), end);
    } else {
        with = p.of(p.read, p.read + 1);
        ++p.read;
    }
    if (with.excess) return refuse(Errc::too_big, "more descriptors came with a message than UnixOptions::max_fds");
    if (fds)
        for (auto& f : with.fds) fds->push_back(std::move(f));
    return got;
}

Result<> UnixSocket::close_write() {
    if (auto* s = std::get_if<FramedStream>(&io_)) return s->close_write();
    return std::get<PacketSocket>(io_).close_write();
}

Result<> UnixSocket::wait_peer(Deadline d) {
    if (auto* p = std::get_if<PacketSocket>(&io_)) return p->wait_peer(d);
    return {};
}

Result<Peer> UnixSocket::peer() const {
    ucred who{};
    socklen_t n = sizeof who;
    const int fd = native_handle();
    if (const long r = sys::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n); r < 0) return sys::fail(r, "getsockopt");
    if (who.pid == 0 && who.uid == static_cast<uid_t>(-1))
        return refuse(Errc::unsupported, "a datagram socket has no one peer");
    Peer p{.uid = who.uid, .gid = who.gid, .pid = who.pid, .pidfd = {}, .pidfd_is_exact = false};
    if (const long exact = sys::option(fd, SOL_SOCKET, SO_PEERPIDFD); exact >= 0) {
        p.pidfd = Fd(static_cast<int>(exact));
        p.pidfd_is_exact = true;
    } else if (exact == -ENOPROTOOPT && who.pid > 0) {
        if (const long weak = sys::pidfd_open(who.pid); weak >= 0) p.pidfd = Fd(static_cast<int>(weak));
    }
    return p;
}

const Traits& UnixSocket::own_traits() const noexcept { return traits_of(options_.type); }

std::size_t UnixSocket::max_message() const noexcept {
    if (const auto* s = std::get_if<FramedStream>(&io_)) return s->max_message();
    return std::get<PacketSocket>(io_).max_message();
}

int UnixSocket::native_handle() const noexcept {
    if (const auto* s = std::get_if<FramedStream>(&io_)) return s->native_handle();
    return std::get<PacketSocket>(io_).native_handle();
}

Channel::RawHandles UnixSocket::raw_handles() const noexcept {
    const auto* s = std::get_if<FramedStream>(&io_);
    return s && !passing_ ? s->raw_handles() : Channel::RawHandles();
}

// ---------------------------------------------------------------- listening

UnixListener::UnixListener(Fd fd, UnixOptions o, std::unique_ptr<UnixName> name)
    : fd_(std::move(fd)),
      options_(o),
      max_message_(o.type == UnixType::stream ? o.stream.max_message : largest(fd_.get())),
      name_(std::move(name)) {}
UnixListener::UnixListener(UnixListener&&) noexcept = default;
UnixListener& UnixListener::operator=(UnixListener&& o) noexcept {
    name_.reset();
    fd_ = std::move(o.fd_);
    options_ = o.options_;
    max_message_ = o.max_message_;
    name_ = std::move(o.name_);
    return *this;
}
UnixListener::~UnixListener() = default;

Result<UnixListener> UnixListener::listen(const std::string& address, UnixOptions o) {
    if (o.type == UnixType::dgram)
        return refuse(Errc::unsupported, "datagrams have no connections to accept: UnixSocket::bind");
    WYE_TRY(auto fd, new_socket(o.type, SOCK_NONBLOCK));
    WYE_TRY(auto name, bind_unix(fd.get(), address, plan_of(o)));
    return UnixListener(std::move(fd), o, std::move(name));
}

Result<UnixSocket> UnixListener::accept(Deadline d) {
    WYE_TRY(auto fd, sys::accept(fd_.get(), d));
    return UnixSocket(std::move(fd), options_);
}

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "unix:/run/app.sock";
constexpr Param params[] = {
    {"type", "stream|seqpacket|dgram", "who keeps messages apart (default stream: our framing)"},
    {"listen", "", "make the name and wait there for a peer"},
    framing_param,
    max_param,
};

Result<UnixOptions> options_of(const Uri& uri, const OpenOptions& how) {
    static constexpr std::string_view types[] = {"stream", "seqpacket", "dgram"};
    WYE_CHECK(parse_path(uri, example));
    UnixOptions o{.create = how.create == Create::never ? Create::if_missing : how.create,
                  .permissions = how.permissions};
    WYE_TRY(const auto type, uri.choice("type", types));
    o.type = UnixType(type);
    if (o.type != UnixType::stream)
        for (const auto* p : {"framing", "max"})
            if (uri.has(p))
                return uri.refuse(std::string(p) + " is for type=stream: here the kernel keeps messages apart",
                                  example);
    WYE_TRY(o.stream, stream_options(uri));
    return o;
}

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline deadline) {
    WYE_TRY(const auto o, options_of(uri, how));
    WYE_TRY(const bool listens, uri.flag("listen"));
    const std::string address(uri.address());
    if (!listens) {
        WYE_TRY(auto s, UnixSocket::connect(address, o, deadline));
        return Channel(std::move(s));
    }
    if (o.type == UnixType::dgram) {
        WYE_TRY(auto s, UnixSocket::bind(address, o));
        return Channel(std::move(s));
    }
    WYE_TRY(auto l, UnixListener::listen(address, o));
    return Channel(FirstPeer<UnixListener, UnixSocket>(std::move(l)));
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto path, parse_path(uri, example));
    if (path.starts_with("@"))
        return refuse(Errc::unsupported,
                      std::string(uri.text()) + ": an abstract name ends with its socket; there is nothing to remove");
    return sys::remove_path(path, S_IFSOCK, "is not a socket", o.dry_run);
}

std::vector<std::string> scratch(const std::string& directory) {
    std::vector<std::string> all;
    for (const auto* type : {"", "?type=seqpacket", "?type=dgram"})
        all.push_back("unix:" + directory + "/unix-" + std::to_string(sys::unique_mark()) + type);
    return all;
}

}  // namespace

void see_unix_sockets(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism unix_mechanism{
    .traits = UnixSocket::traits,
    .summary = "both ways between strangers on one host",
    .example = example,
    .params = params,
    .open = open,
    .remove = remove,
    .see = see_unix_sockets,
    .scratch = scratch,
};

}  // namespace wye
