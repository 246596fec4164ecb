// TLS: bytes both ways, also between hosts, for nobody else's eyes.
#include "wye/transport/tls.hpp"

#include "wye/base/text.hpp"

#include "io/first_peer.hpp"
#include "io/recv_by.hpp"
#include "io/tcp_socket.hpp"
#include "os/epoll.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/resolve.hpp"
#include "transport/tls/scratch.hpp"
#include "transport/tls/session.hpp"

#include <algorithm>
#include <list>

namespace wye {

using namespace std::chrono_literals;
using tls::Context;
using tls::Session;

// ---------------------------------------------------------------- a connection

struct TlsSocket::Impl {
    Impl(Fd fd, std::unique_ptr<Session> s, StreamOptions o)
        : session(std::move(s)), options(o), in(std::move(fd), o) {}

    std::unique_ptr<Session> session;
    StreamOptions options;
    FramedStream in;  // owns the socket, and puts together what is read
    std::vector<std::byte> outbox{};
    std::size_t sent = 0;
    bool closed = false, broken = false;
    std::uint64_t generation = sys::fork_generation();

    Result<std::size_t> read_some(const iovec* v, Deadline);
    Result<> flush(Deadline);
    Result<> make(Bytes);
};

namespace {

Result<> shake_hands(Session& s, Deadline d) {
    for (;;) {
        const long r = s.handshake();
        if (r == 0) return {};
        if (r != -EAGAIN) return std::unexpected(s.error(r));
        if (auto ready = sys::wait_ready(s.fd(), s.wants(), d); !ready) return std::unexpected(ready.error());
    }
}

}  // namespace

TlsSocket::TlsSocket(std::unique_ptr<Impl> i) : impl_(std::move(i)) {}
TlsSocket::TlsSocket(TlsSocket&&) noexcept = default;
TlsSocket& TlsSocket::operator=(TlsSocket&& o) noexcept {
    std::swap(impl_, o.impl_);
    return *this;
}
TlsSocket::~TlsSocket() {
    // In the child of a fork it would be the parent's farewell.
    if (!impl_ || impl_->generation != sys::fork_generation()) return;
    if (!impl_->broken) (void)impl_->flush(1s);
    impl_->session->close();
}

Result<TlsSocket> TlsSocket::connect(const std::string& host, const std::string& port, const TlsOptions& o,
                                     Deadline d) {
    WYE_TRY(const auto context, Context::make(o.who, false));
    WYE_TRY(auto fd, tcp_connect(host, port, {.dead_after = o.dead_after}, d));
    WYE_TRY(auto session, Session::make(context, fd.get(), tls::name_of(o.who, host)));
    WYE_CHECK(shake_hands(*session, d.sooner(o.handshake)));
    return TlsSocket(std::make_unique<Impl>(std::move(fd), std::move(session), o.stream));
}

Result<std::size_t> TlsSocket::Impl::read_some(const iovec* v, Deadline d) {
    for (;;) {
        const long r = session->read({static_cast<std::byte*>(v->iov_base), v->iov_len});
        if (r >= 0) return static_cast<std::size_t>(r);
        if (r != -EAGAIN) return std::unexpected(session->error(r));
        if (d.is_now()) return fail(Errc::timed_out);
        auto ready = sys::wait_ready(session->fd(), POLLIN, d);
        if (!ready) return std::unexpected(ready.error());
    }
}

Result<MutBytes> TlsSocket::recv(MutBytes into, Deadline d) {
    return tcp_settled(impl_->in.recv_by(into, [&](const iovec* v, int) { return impl_->read_some(v, d); }));
}

Result<Bytes> TlsSocket::recv_view(Deadline d) {
    return tcp_settled(
        Result<Bytes>(impl_->in.recv_by({}, [&](const iovec* v, int) { return impl_->read_some(v, d); })));
}

// The message as it goes on the stream.
Result<> TlsSocket::Impl::make(Bytes message) {
    outbox.clear(), sent = 0;
    const char mark = options.framing == Framing::lines ? '\n' : '\0';
    const bool marked = options.framing == Framing::lines || options.framing == Framing::nul;
    if (marked && !message.empty() && std::memchr(message.data(), mark, message.size()))
        return refuse(Errc::unsupported, mark ? "a message with a newline in it cannot be sent with framing=lines"
                                              : "a message with a zero byte in it cannot be sent with framing=nul");
    if (options.framing == Framing::frame) {
        const auto header = FrameHeader{.length = static_cast<std::uint32_t>(message.size())}.encode();
        outbox.assign(header.begin(), header.end());
    }
    outbox.insert(outbox.end(), message.begin(), message.end());
    if (marked) outbox.push_back(static_cast<std::byte>(mark));
    return {};
}

Result<> TlsSocket::Impl::flush(Deadline d) {
    while (sent < outbox.size()) {
        const long r = session->write(Bytes(outbox).subspan(sent));
        if (r > 0) {
            sent += static_cast<std::size_t>(r);
        } else if (r != -EAGAIN) {
            broken = true;
            return std::unexpected(session->error(r));
        } else if (auto ready = sys::wait_ready(session->fd(), session->wants(), d); !ready) {
            return std::unexpected(ready.error());
        }
    }
    return {};
}

Result<> TlsSocket::send(Bytes b, Deadline d) {
    auto& i = *impl_;
    if (b.size() > i.options.max_message) return fail(Errc::too_big, "send");
    if (i.closed || i.broken) return fail(Errc::closed, "send");
    WYE_CHECK(i.flush(d));
    // A record that was begun must be finished: whether there is room is asked before.
    if (!d.is_never())
        if (auto ready = sys::wait_ready(i.session->fd(), POLLOUT, d); !ready) return std::unexpected(ready.error());
    WYE_CHECK(i.make(b));
    auto r = tcp_settled(i.flush(d));
    return !r && r.error().is(Errc::timed_out) ? Result<>() : r;
}

Result<> TlsSocket::close_write() {
    auto& i = *impl_;
    if (i.closed) return {};
    WYE_CHECK(i.flush(Deadline::never()));
    i.closed = true;
    i.session->close();
    return {};
}

std::size_t TlsSocket::max_message() const noexcept { return impl_->in.max_message(); }
int TlsSocket::native_handle() const noexcept { return impl_->session->fd(); }

// ---------------------------------------------------------------- listening

struct TlsListener::Impl {
    struct Visitor {
        Fd fd;
        std::unique_ptr<Session> session;
        Deadline::Clock::time_point until;
    };
    static constexpr std::size_t most = 64;

    TcpBound at;
    TlsOptions options;
    std::shared_ptr<Context> context;
    Fd epoll;
    std::mutex mutex{};
    std::list<Visitor> visitors{};  // the oldest first

    Result<> admit();
    std::optional<Visitor> ready();
    Deadline next_end();
};

TlsListener::TlsListener(std::unique_ptr<Impl> i) : impl_(std::move(i)) {}
TlsListener::TlsListener(TlsListener&&) noexcept = default;
TlsListener& TlsListener::operator=(TlsListener&&) noexcept = default;
TlsListener::~TlsListener() = default;

Result<TlsListener> TlsListener::listen(const std::string& host, const std::string& port, TlsOptions o) {
    WYE_TRY(auto context, Context::make(o.who, true));
    WYE_TRY(auto bound, tcp_listen(host, port, {.dead_after = o.dead_after}));
    const long e = sys::epoll_create();
    if (e < 0) return sys::fail(e, "epoll_create1");
    Fd epoll(static_cast<int>(e));
    if (const long r = sys::epoll_add(epoll.get(), bound.fd.get()); r < 0) return sys::fail(r, "epoll_ctl");
    return TlsListener(std::unique_ptr<Impl>(new Impl{
        .at = std::move(bound), .options = std::move(o), .context = std::move(context), .epoll = std::move(epoll)}));
}

Result<> TlsListener::Impl::admit() {
    for (std::size_t n = 0; n < most; ++n) {
        auto fd = tcp_accept(at.fd.get(), {.dead_after = options.dead_after}, Deadline::now());
        if (!fd) return fd.error().is(Errc::timed_out) ? Result<>() : std::unexpected(std::move(fd).error());
        WYE_TRY(auto session, Session::make(context, fd->get(), options.who.name));
        if (sys::epoll_add(epoll.get(), fd->get()) < 0) continue;
        visitors.push_back({std::move(*fd), std::move(session), Deadline::Clock::now() + options.handshake});
        if (visitors.size() > most) visitors.pop_front();
    }
    return {};
}

// One that has shown who it is; those who failed, or took too long, go.
std::optional<TlsListener::Impl::Visitor> TlsListener::Impl::ready() {
    const auto now = Deadline::Clock::now();
    for (auto v = visitors.begin(); v != visitors.end();) {
        const long r = v->session->handshake();
        if (r == -EAGAIN && now < v->until) {
            ++v;
            continue;
        }
        auto gone = std::move(*v);
        v = visitors.erase(v);
        (void)sys::epoll_remove(epoll.get(), gone.fd.get());
        if (r == 0) return gone;
    }
    return {};
}

Deadline TlsListener::Impl::next_end() {
    return visitors.empty() ? Deadline::never() : Deadline::at(visitors.front().until);
}

Result<TlsSocket> TlsListener::accept(Deadline d) {
    auto& i = *impl_;
    for (;;) {
        Deadline until = d;
        {
            const std::lock_guard lock(i.mutex);
            WYE_CHECK(i.admit());
            if (auto v = i.ready())
                return TlsSocket(
                    std::make_unique<TlsSocket::Impl>(std::move(v->fd), std::move(v->session), i.options.stream));
            until = d.sooner(i.next_end());
        }
        if (d.is_now()) return fail(Errc::timed_out);
        auto some = sys::wait_ready(i.epoll.get(), POLLIN, until);
        if (!some && (!some.error().is(Errc::timed_out) || d.passed())) return std::unexpected(some.error());
    }
}

unsigned TlsListener::port() const noexcept { return impl_->at.port; }
std::size_t TlsListener::max_message() const noexcept { return impl_->options.stream.max_message; }
int TlsListener::native_handle() const noexcept { return impl_->epoll.get(); }

// ---------------------------------------------------------------- the room

namespace {

constexpr Param params[] = {
    {"listen", "", "wait there for a peer"},
    {"ca", "FILE", "who may have signed the other end's certificate"},
    {"cert", "FILE", "our certificate"},
    {"key", "FILE", "its key; nobody else may read the file"},
    {"name", "HOST", "whom the other's certificate must be for (default: the host connected to)"},
    framing_param,
    max_param,
};

Result<Channel> open(const Uri& uri, const OpenOptions&, Deadline deadline) {
    WYE_TRY(const auto at, parse_host_port(uri, tls::example));
    WYE_TRY(const bool listens, uri.flag("listen"));
    WYE_CHECK(tls::check_identity(uri, tls::example));
    TlsOptions o{.who = tls::identity_of(uri)};
    WYE_TRY(o.stream, stream_options(uri));
    if (listens) {
        WYE_TRY(auto l, TlsListener::listen(at.host, at.port, o));
        return Channel(FirstPeer<TlsListener, TlsSocket>(std::move(l)));
    }
    if (parse_number(at.port) == 0u) return uri.refuse("port 0 is for listening", tls::example);
    WYE_TRY(auto s, TlsSocket::connect(at.host, at.port, o, deadline));
    return Channel(std::move(s));
}

std::vector<std::string> scratch(const std::string&) {
    const auto files = tls::throw_away_files();
    const auto port = sys::free_port("127.0.0.1", SOCK_STREAM);
    if (!port || !files) return {};
    return {"tls://127.0.0.1:" + std::to_string(port) + "?ca=" + percent_encode(files->ca) +
            "&cert=" + percent_encode(files->cert) + "&key=" + percent_encode(files->key)};
}

}  // namespace

const Mechanism tls_mechanism{
    .traits = TlsSocket::traits,
    .summary = "bytes both ways between hosts, for nobody else's eyes",
    .example = tls::example,
    .params = params,
    .open = open,
    .scratch = scratch,
};

}  // namespace wye
