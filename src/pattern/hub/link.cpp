#include "pattern/hub/link.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/wait.hpp"

#include <algorithm>

namespace wye::hub {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t chunk = 64 << 10;
constexpr std::chrono::milliseconds first_pause{1}, longest_pause{250}, greeting{5000};

}  // namespace

Result<std::unique_ptr<Link>> Link::open(const Uri& uri, Hello h, Deadline d) {
    std::unique_ptr<Link> link(new Link(uri, std::move(h)));
    link->hello.mark = sys::unique_mark();
    WYE_CHECK(link->connect(d));
    link->hello.history = link->hello.role == Role::subscriber ? 0 : link->hello.history;
    return link;
}

Link::~Link() {
    if (!up() || sys::fork_generation() != generation_) return;
    (void)flush(Deadline(1s));
    if (up()) (void)send({.kind = Kind::bye}, Deadline::now());
}

Result<> Link::connect(Deadline d) {
    d = d.sooner(greeting);
    WYE_TRY(auto line, hub::connect(uri_, d));
    line_ = std::move(line);
    generation_ = sys::fork_generation();
    in_.clear(), out_.clear();
    last_ = 0;
    bye_ = false;
    max_message_ = 4096;  // of a welcome, and of the sentence of a refusal
    std::byte mark[8];
    std::memcpy(mark, &hello.mark, 8);
    auto said = send(
        {.kind = Kind::hello, .words = words_of_hello(hello), .text = hello.filter, .id = hello.name, .body = mark}, d);
    auto got = said ? next(d) : Result<Frame>(std::unexpected(said.error()));
    Result<> well;
    if (!got) {
        well = std::unexpected(got.error());
    } else if (got->kind == Kind::refused) {
        const auto kind = got->words[0] - 1 < std::uint64_t(Errc::failed) ? Errc(got->words[0]) : Errc::failed;
        well = refuse(kind, std::string(uri_.text()) + ": " + std::string(text_of(got->body)));
    } else if (got->kind != Kind::welcome || got->words[0] != what_is_this(0)) {
        well = refuse(Errc::mismatch, std::string(uri_.text()) + ": what listens there is no hub of wye");
    }
    if (!well) {
        line_.reset();
        return well;
    }
    max_message_ = static_cast<std::size_t>(got->words[1]);
    bell_.add(line_->fd());
    ++times_;
    pause_ = {};
    settle();
    return {};
}

Result<> Link::mend(Deadline d) {
    for (;;) {
        if (up()) return {};
        if (Deadline::Clock::now() >= again_) {
            auto r = connect(soon(d));
            if (r) return r;
            if (r.error().is(Errc::mismatch) || r.error().is(Errc::denied) || r.error().is(Errc::bad_address)) return r;
            pause_ = std::clamp(2 * pause_, first_pause, longest_pause);
            again_ = Deadline::Clock::now() + pause_;
        }
        if (d.passed()) return fail(Errc::timed_out);
        const sys::Left nap(d.sooner(Deadline::at(again_)));
        (void)sys::ppoll(nullptr, 0, nap.get());
    }
}

// ---------------------------------------------------------------- writing

// One write of what the kernel takes now; Errc::timed_out when that is nothing.
Result<> Link::write(const iovec* v, int n, std::size_t& went) {
    long r;
    do r = line_->write(v, n);
    while (r == -EINTR);
    if (r == -EAGAIN) return fail(Errc::timed_out);
    if (r < 0) {
        (void)down(r);
        return fail(Errc::peer_died, "send");
    }
    went = static_cast<std::size_t>(r);
    return {};
}

Result<> Link::flush(Deadline d) {
    while (up() && (!out_.empty() || line_->owes())) {
        const iovec v{const_cast<std::byte*>(out_.bytes().data()), out_.size()};
        std::size_t went = 0;
        if (auto r = write(&v, 1, went); !r) {
            if (!r.error().is(Errc::timed_out)) return r;
            if (auto ready = sys::wait_ready(line_->fd(), POLLOUT, d); !ready) return std::unexpected(ready.error());
        }
        out_.took(went);
    }
    return up() ? Result<>() : fail(Errc::peer_died, "send");
}

Result<> Link::send(const Frame& f, Deadline d) {
    if (!out_.empty() || (up() && line_->owes())) WYE_CHECK(flush(d));
    if (!up()) return fail(Errc::peer_died, "send");
    Front front;
    make_front(f, front);
    static constexpr std::byte zeros[8]{};
    const iovec v[] = {{front.bytes, front.size},
                       {const_cast<std::byte*>(f.body.data()), f.body.size()},
                       {const_cast<std::byte*>(zeros), front.padding}};
    for (;;) {
        std::size_t went = 0;
        auto r = write(v, f.body.empty() ? 1 : front.padding ? 3 : 2, went);
        if (r) {
            for (const auto& part : v) {  // what was begun counts as sent
                const auto gone = std::min(went, part.iov_len);
                out_.add({static_cast<const std::byte*>(part.iov_base) + gone, part.iov_len - gone});
                went -= gone;
            }
            if (out_.empty() && !line_->owes()) return {};
            auto rest = flush(d);
            return !rest && rest.error().is(Errc::timed_out) ? Result<>() : rest;
        }
        if (!r.error().is(Errc::timed_out)) return r;
        if (auto ready = sys::wait_ready(line_->fd(), POLLOUT, d); !ready) return std::unexpected(ready.error());
    }
}

// ---------------------------------------------------------------- reading

Result<Frame> Link::down(long r) {
    const auto why = r < 0 ? line_->error(r) : Error(Errc::peer_died, "recv");
    line_.reset();
    out_.clear();
    last_ = in_.size();
    bell_.ring(false);
    again_ = {};
    if (bye_) return fail(Errc::closed, "recv");
    return std::unexpected(why);
}

bool Link::at_hand() const noexcept {
    const auto there = in_.bytes().subspan(last_);
    return there.size() >= 8 && there.size() >= frame_size(there.data());
}

Result<Frame> Link::next(Deadline d) {
    in_.took(std::exchange(last_, 0));
    bool patient = up() && (d.is_never() || (!d.is_now() && d.left() > Line::patience));
    for (;;) {
        if (!up()) return fail(bye_ ? Errc::closed : Errc::peer_died, "recv");
        Frame f;
        Bad bad;
        last_ = cut(in_.bytes(), max_message_, f, bad);
        if (bad != Bad::none) {
            (void)down(0);
            return std::unexpected(what_is(bad));
        }
        if (last_ > 0) {
            if (f.kind != Kind::bye) return f;
            bye_ = true;
            return down(0);
        }
        // Memory grows by what comes, whatever the frame claims.
        auto* place = in_.room(std::max(in_.size(), chunk));
        const bool all_sent = out_.empty() && !line_->owes();
        const long r = line_->read({place, in_.free()}, patient && all_sent);
        if (r > 0) {
            in_.added(static_cast<std::size_t>(r));
            continue;
        }
        if (r == -EINTR) {
            if (d.passed() && !d.is_now()) return fail(Errc::timed_out);
            continue;
        }
        if (r != -EAGAIN) return down(r);
        if (d.is_now()) return fail(Errc::timed_out);
        patient = false;
        const short events = all_sent ? POLLIN : POLLIN | POLLOUT;
        auto ready = sys::wait_ready(line_->fd(), events, d);
        if (!ready) return std::unexpected(ready.error());
        if ((*ready & POLLOUT) && !all_sent)
            if (auto sent = flush(Deadline::now()); !sent && !sent.error().is(Errc::timed_out)) return down(0);
    }
}

int Link::native_handle() {
    if (bell_.used()) return bell_.handle();
    const int h = bell_.handle();
    if (up()) bell_.add(line_->fd());
    settle();
    return h;
}

}  // namespace wye::hub
