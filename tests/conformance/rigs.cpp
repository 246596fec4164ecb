#include "wye/os/fd.hpp"
#include "wye/transport/tcp.hpp"
#include "wye/transport/tls.hpp"
#include "wye/transport/unix.hpp"

#include "conformance/rig.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace wye::test {
namespace {

constexpr const char* small_max = "max=256K";  // so that "the largest message" stays quick

std::vector<Channel> one(Channel c) {
    std::vector<Channel> v;
    v.push_back(std::move(c));
    return v;
}

// ---- what has no name: made before the fork, parted by it
class PairRig : public Rig {
public:
    explicit PairRig(std::string uri) : uri_(std::move(uri)) {}
    Result<> prepare() override {
        WYE_TRY(auto pair, open_pair(uri_));
        pair_ = std::make_unique<ChannelPair>(std::move(pair));
        return {};
    }
    Result<std::vector<Channel>> readers(unsigned) override {
        pair_->second.close();
        return one(std::move(pair_->first));
    }
    Result<Channel> writer() override {
        pair_->first.close();
        return std::move(pair_->second);
    }

private:
    std::string uri_;
    std::unique_ptr<ChannelPair> pair_;
};

Subject pair_subject(const Mechanism& m, Framing f) {
    const auto scheme = std::string(m.traits.scheme);
    return {.name = scheme + "_" + std::string(name(f)), .traits = m.traits, .framing = f, .make = [=] {
                return std::make_unique<PairRig>(scheme + ":?framing=" + std::string(name(f)) + "&" + small_max);
            }};
}

// ---- what has a name: made or bound before the fork, opened by it on each side
class NamedRig : public Rig {
public:
    NamedRig(const Mechanism& m, std::size_t variant, const std::string& extra) : m_(m) {
        uri_ = m.scratch(directory_.path())[variant];
        if (!extra.empty()) uri_ = with_param(uri_, extra);
    }
    ~NamedRig() override { (void)leftovers(); }
    Result<> prepare() override { return m_.make ? make(uri_) : Result<>(); }
    Result<std::vector<Channel>> readers(unsigned) override {
        WYE_TRY(auto c, open(uri_, {.mode = Mode::read}, std::chrono::seconds(10)));
        return one(std::move(c));
    }
    Result<Channel> writer() override { return open(uri_, {.mode = Mode::write}, std::chrono::seconds(10)); }
    std::string leftovers() override {
        if (m_.remove && !removed_) {
            auto r = remove(uri_);
            if (!r && !r.error().is(Errc::not_found)) return r.error().message();
            removed_ = true;
        }
        for (const auto& e : std::filesystem::directory_iterator(directory_.path())) return e.path().string();
        return {};
    }

protected:
    const Mechanism& m_;
    TempDir directory_;
    std::string uri_;
    bool removed_ = false;
};

// ---- what one listens for: a connection a writer, or one bound socket for all of them
using Acceptor = std::function<Result<Channel>(Deadline)>;

template <class Listener>
Acceptor acceptor(Listener l) {
    return [l = std::make_shared<Listener>(std::move(l))](Deadline d) -> Result<Channel> {
        WYE_TRY(auto socket, l->accept(d));
        return Channel(std::move(socket));
    };
}

Result<Acceptor> listen_unix(const Uri& uri) {
    UnixOptions o{.type = uri.get("type") == "seqpacket" ? UnixType::seqpacket : UnixType::stream};
    WYE_TRY(o.stream, stream_options(uri));
    WYE_TRY(auto l, UnixListener::listen(std::string(uri.address()), o));
    return acceptor(std::move(l));
}

Result<Acceptor> listen_tcp(const Uri& uri) {
    TcpOptions o;
    WYE_TRY(const auto at, parse_host_port(uri, "tcp://127.0.0.1:7000"));
    WYE_TRY(o.stream, stream_options(uri));
    WYE_TRY(auto l, TcpListener::listen(at.host, at.port, o));
    return acceptor(std::move(l));
}

#ifdef WYE_TLS
Result<Acceptor> listen_tls(const Uri& uri) {
    const auto of = [&](std::string_view p) { return std::string(uri.get(p).value_or("")); };
    TlsOptions o{.who = {.ca = of("ca"), .cert = of("cert"), .key = of("key"), .name = {}}};
    WYE_TRY(const auto at, parse_host_port(uri, "tls://127.0.0.1:7000"));
    WYE_TRY(o.stream, stream_options(uri));
    WYE_TRY(auto l, TlsListener::listen(at.host, at.port, o));
    return acceptor(std::move(l));
}
#endif

constexpr struct {
    std::string_view scheme;
    Result<Acceptor> (*listen)(const Uri&);
} listeners[] = {
    {"unix", listen_unix},
    {"tcp", listen_tcp},
#ifdef WYE_TLS
    {"tls", listen_tls},
#endif
};

class ListenRig : public NamedRig {
public:
    using NamedRig::NamedRig;
    Result<> prepare() override {
        WYE_TRY(auto bound, open(with_param(uri_, "listen")));
        if (bound.traits().sees_close) {  // it has connections: the rig accepts one a writer, a channel only its first
            bound.close();
            WYE_TRY(const auto uri, Uri::parse(uri_));
            const auto* way = std::ranges::find(listeners, uri.scheme(), [](const auto& l) { return l.scheme; });
            WYE_TRY(accept_, way->listen(uri));
        } else {
            bound_ = std::make_unique<Channel>(std::move(bound));
        }
        return {};
    }
    Result<std::vector<Channel>> readers(unsigned writers) override {
        if (bound_) return one(std::move(*std::exchange(bound_, nullptr)));
        std::vector<Channel> all;
        while (all.size() < writers) {
            WYE_TRY(auto c, accept_(std::chrono::seconds(10)));
            all.push_back(std::move(c));
        }
        accept_ = nullptr;
        return all;
    }
    Result<Channel> writer() override {
        auto c = open(uri_, {.mode = Mode::write}, std::chrono::seconds(10));
        accept_ = nullptr;  // the reader's process has its own
        bound_.reset();
        return c;
    }
    std::string leftovers() override {
        accept_ = nullptr;
        bound_.reset();
        for (const auto& e : std::filesystem::directory_iterator(directory_.path())) return e.path().string();
        return {};
    }

private:
    Acceptor accept_;
    std::unique_ptr<Channel> bound_;
};

std::string variant_name(const std::string& uri) {
    const auto u = or_throw(Uri::parse(uri));
    for (const auto what : {"type", "shape"})
        if (const auto v = u.get(what)) return "_" + std::string(*v);
    return u.address().starts_with("//[") ? "_v6" : "";
}

constexpr Framing framings[] = {Framing::frame, Framing::lines, Framing::nul, Framing::raw};

bool takes_framing(const Mechanism& m, Framing f) {
    for (const auto& p : m.params)
        if (p.name == "framing")
            return ("|" + std::string(p.values) + "|").find("|" + std::string(name(f)) + "|") != std::string::npos;
    return false;
}

// Of a room whose traits differ by variant: as an open endpoint has them.
Traits traits_of(const Mechanism& m, const std::string& uri) {
    if (takes(m, "listen")) {
        if (const auto c = open(with_param(uri, "listen"))) return c->traits();
    } else if (m.make && make(uri)) {
        auto traits = m.traits;
        if (const auto c = open(uri, {.mode = Mode::read}, Deadline::now())) traits = c->traits();
        (void)remove(uri);
        return traits;
    }
    return m.traits;
}

template <class R>
void add_named(std::vector<Subject>& all, const Mechanism& m) {
    const TempDir nowhere;
    const auto uris = m.scratch(nowhere.path());
    for (std::size_t v = 0; v < uris.size(); ++v) {
        const auto base = std::string(m.traits.scheme) + variant_name(uris[v]);
        const auto traits = traits_of(m, uris[v]);
        // The kernel keeps messages apart, or one of our framings does.
        const bool framed = takes(m, "framing") && traits.boundaries == Boundaries::stream;
        for (const auto f : framings) {
            if (framed ? !takes_framing(m, f) : f != Framing::frame) continue;
            auto extra = framed ? "framing=" + std::string(name(f)) + "&" + small_max
                                : std::string(takes(m, "max") && !takes(m, "framing") ? small_max : "");
            std::string label = base + (framed ? "_" + std::string(name(f)) : "");
            std::ranges::replace(label, '-', '_');
            all.push_back({.name = label, .traits = traits, .framing = f, .make = [&m, v, extra] {
                               return std::make_unique<R>(m, v, extra);
                           }});
            all.back().forgets = uris[v].find("shape=broadcast") != std::string::npos;
        }
    }
}

// ---- descriptors that both sides inherit
class FdRig : public Rig {
public:
    explicit FdRig(std::string query) : query_(std::move(query)) {}
    Result<> prepare() override {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::exhausted, "pipe2");
        in_ = Fd(ends[0]), out_ = Fd(ends[1]);
        return {};
    }
    Result<std::vector<Channel>> readers(unsigned) override {
        WYE_TRY(auto c, open("fd:" + std::to_string(in_.get()) + query_, {.mode = Mode::read}));
        in_.reset(), out_.reset();
        return one(std::move(c));
    }
    Result<Channel> writer() override {
        auto c = open("fd:" + std::to_string(out_.get()) + query_, {.mode = Mode::write});
        in_.reset(), out_.reset();
        return c;
    }

private:
    std::string query_;
    Fd in_, out_;
};

// ---- a child process on one side, which passes the bytes on through a FIFO
class ExecRig : public Rig {
public:
    ExecRig(bool reads, std::string query) : reads_(reads), query_(std::move(query)) {}
    Result<> prepare() override { return make("fifo:" + path_); }
    Result<std::vector<Channel>> readers(unsigned) override {
        WYE_TRY(auto c, open((reads_ ? "exec:cat " : "fifo:") + path_ + query_, {.mode = Mode::read}));
        return one(std::move(c));
    }
    Result<Channel> writer() override {
        return open((reads_ ? "fifo:" : "exec:cp /dev/stdin ") + path_ + query_, {.mode = Mode::write},
                    std::chrono::seconds(10));
    }

private:
    bool reads_;
    TempDir directory_;
    std::string path_ = directory_ / "between", query_;
};

template <class R, class... A>
Subject plain_subject(const char* scheme, const std::string& label, Framing f, A... arguments) {
    const auto query = "?framing=" + std::string(name(f)) + "&" + small_max;
    return {.name = label + "_" + std::string(name(f)),
            .traits = find_mechanism(scheme)->traits,
            .framing = f,
            .make = [=] { return std::make_unique<R>(arguments..., query); }};
}

}  // namespace

std::vector<Subject> subjects() {
    std::vector<Subject> all;
    for (const auto* m : mechanisms()) {
        if (!m->open && !m->open_pair) continue;  // carries no messages
        if (m->open_pair)
            for (const auto f : framings) all.push_back(pair_subject(*m, f));
        if (m->scratch && takes(*m, "listen"))
            add_named<ListenRig>(all, *m);
        else if (m->scratch)
            add_named<NamedRig>(all, *m);
    }
    for (const auto f : framings) {
        all.push_back(plain_subject<FdRig>("fd", "fd", f));
        all.push_back(plain_subject<ExecRig>("exec", "exec_reads", f, true));
        all.push_back(plain_subject<ExecRig>("exec", "exec_writes", f, false));
        all.back().most_writers = 1;  // each would start a program of its own at the other end
    }
    return all;
}

}  // namespace wye::test
