// wye tee: standard input to standard output and to any number of files and URIs, inside the kernel where it can.
//
// The bytes lie in a pipe (standard input itself where it is one). tee(2) lends the same pages to a transit pipe of
// each target but the last, splice(2) moves them from there on, and the last target takes them off the input. A copy
// through this process happens only for a target that cannot be spliced to, or that wants whole messages.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "os/errno.hpp"
#include "os/syscall.hpp"
#include "splice.hpp"
#include "terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vector>

namespace wye::cli {
namespace {

struct Options {
    std::vector<std::string> targets;
    bool append = false, create = false;
};

// Where bytes go: a descriptor, or a channel that wants messages.
class Target {
public:
    Target(std::string name, Fd fd) : name_(std::move(name)), own_(std::move(fd)), fd_(own_.get()) {}
    Target(std::string name, Channel c) : name_(std::move(name)), channel_(std::move(c)) {
        const auto raw = channel_->raw_handles();
        if (raw.write >= 0 && raw.framing == Framing::raw)
            fd_ = raw.write;
        else
            buffer_.resize(std::min<std::size_t>(channel_->max_message(), 256 * 1024));
    }
    const std::string& name() const noexcept { return name_; }

    // Takes `bytes` out of the pipe; afterwards `left` of them are still in it, when it failed half way.
    Result<> take(int pipe, std::size_t bytes, std::size_t& left) {
        for (left = bytes; left > 0 && fd_ >= 0;) {
            const auto n = mover_.move(pipe, fd_, left);
            left -= n ? *n : mover_.spilt();
            if (!n) return std::unexpected(n.error());
            if (*n == 0 && interrupted()) return fail(Errc::timed_out, "splice");
        }
        while (left > 0) {
            const long n = sys::read(pipe, buffer_.data(), std::min(left, buffer_.size()));
            if (n == -EINTR && !interrupted()) continue;
            if (n < 0) return sys::fail(n, "read");
            const auto part = Bytes(buffer_).first(static_cast<std::size_t>(n));
            left -= part.size();
            WYE_CHECK(patiently(Deadline::never(), [&](Deadline d) { return channel_->send(part, d); }));
        }
        return {};
    }
    Result<> open_transit() {
        WYE_TRY(auto t, make_transit());
        transit_ = std::move(t);
        return {};
    }
    const Transit& transit() const noexcept { return transit_; }
    bool alive = true;

private:
    std::string name_;
    Fd own_;
    std::optional<Channel> channel_;
    int fd_ = -1;
    Mover mover_;
    Transit transit_;
    std::vector<std::byte> buffer_;
};

class Tee {
public:
    Tee(std::vector<Target> targets, Fd null) : targets_(std::move(targets)), null_(std::move(null)) {}

    int run() {
        const int in = is_pipe(0) ? 0 : -1;
        if (in == 0)
            widen(0);
        else if (auto t = make_transit(); t)
            stage_ = std::move(*t);
        else
            return report("tee", t.error());
        const int from = in == 0 ? 0 : stage_.read.get();
        Progress progress("wye: tee");
        while (!interrupted() && any_alive()) {
            auto there = in == 0 ? available(from) : load();
            if (!there) return report("tee", there.error());
            if (*there == 0) break;
            auto n = share(from, *there);
            if (!n) return report("tee", n.error());
            progress.add(*n);
        }
        if (interrupted())
            fmt::print(stderr, "wye: tee: interrupted after {}\n", human_size(static_cast<double>(progress.bytes())));
        return finish(failed_ ? exit_failed : exit_ok);
    }

private:
    // Standard input is not a pipe: its bytes are brought into one. The whole of it is shared before more is loaded.
    Result<std::size_t> load() {
        if (staged_ > 0) return staged_;
        for (;;) {
            long n = copies_in_ ? -EINVAL : sys::splice(0, stage_.write.get(), stage_.capacity, SPLICE_F_MOVE);
            if (n == -EINVAL) {  // a terminal, some devices
                copies_in_ = true;
                std::byte buffer[16 * 1024];
                n = sys::read(0, buffer, std::min(sizeof buffer, stage_.capacity));
                if (n > 0) n = sys::write(stage_.write.get(), buffer, static_cast<std::size_t>(n));
            }
            if (n == -EINTR && !interrupted()) continue;
            if (n == -EINTR) return std::size_t{0};
            if (n < 0) return sys::fail(n, "read", "standard input");
            return staged_ = static_cast<std::size_t>(n);
        }
    }

    Result<std::size_t> available(int pipe) {
        if (single()) return std::size_t{1} << 20;  // the splice itself waits
        return wait_input(pipe) ? std::size_t{1} << 20 : 0;
    }

    bool any_alive() const {
        return std::ranges::any_of(targets_, [](const Target& t) { return t.alive; });
    }
    bool single() const {
        return std::ranges::count_if(targets_, [](const Target& t) { return t.alive; }) == 1;
    }

    // Gives up to `most` bytes at the front of `pipe` to every target, and answers how many.
    Result<std::size_t> share(int pipe, std::size_t most) {
        const auto last =
            std::ranges::find_if(targets_.rbegin(), targets_.rend(), [](const Target& t) { return t.alive; });
        std::vector<std::pair<Target*, std::size_t>> lent;
        std::size_t n = most;
        for (auto& t : targets_) {
            if (!t.alive || &t == &*last) continue;
            const long r = sys::tee(pipe, t.transit().write.get(), n, 0);
            if (r == -EINTR) return std::size_t{0};
            if (r < 0) return sys::fail(r, "tee");
            n = static_cast<std::size_t>(r);
            lent.emplace_back(&t, n);
            if (n == 0) return finish_input();
        }
        Mover bin;
        for (auto& [t, got] : lent) {
            WYE_CHECK(feed(*t, t->transit().read.get(), n));
            // A later target had less room: what this one was lent beyond that comes again.
            if (got > n) WYE_CHECK(bin.move_all(t->transit().read.get(), null_.get(), got - n));
        }
        if (lent.empty()) return alone(pipe, *last, most);
        WYE_CHECK(feed(*last, pipe, n));
        if (staged_) staged_ -= n;
        return n;
    }

    // One target only: no need to know beforehand how much there is.
    Result<std::size_t> alone(int pipe, Target& t, std::size_t most) {
        if (!wait_input(pipe)) return finish_input();
        int waiting = 0;
        if (::ioctl(pipe, FIONREAD, &waiting) != 0 || waiting == 0) return finish_input();
        const auto n = std::min<std::size_t>(most, static_cast<std::size_t>(waiting));
        WYE_CHECK(feed(t, pipe, n));
        if (staged_) staged_ -= n;
        return n;
    }

    Result<std::size_t> finish_input() {
        for (auto& t : targets_) t.alive = false;
        return std::size_t{0};
    }

    // A target that fails is left out from here on, and its share thrown away; the others get everything.
    Result<> feed(Target& t, int pipe, std::size_t n) {
        std::size_t left = 0;
        const auto r = t.take(pipe, n, left);
        if (r || interrupted()) return {};
        t.alive = false;
        Mover bin;
        WYE_CHECK(bin.move_all(pipe, null_.get(), left));
        if (r.error().is(Errc::closed)) return {};  // a reader that had enough
        failed_ = true;
        fmt::print(stderr, "wye: tee: {}: {}\n", escape(t.name()), r.error().message());
        return {};
    }

    std::vector<Target> targets_;
    Fd null_;
    Transit stage_;
    std::size_t staged_ = 0;
    bool copies_in_ = false, failed_ = false;
};

Result<Target> open_target(const std::string& name, const Options& o) {
    if (const auto parsed = Uri::parse(name); parsed && find_mechanism(parsed->scheme())) {
        const OpenOptions how{.mode = Mode::write, .create = o.create ? Create::if_missing : Create::never};
        WYE_TRY(auto c, patiently(Deadline::never(), [&](Deadline d) { return open(name, how, d); }));
        return Target(name, std::move(c));
    }
    const long r = sys::open(name.c_str(), O_WRONLY | O_CREAT | (o.append ? O_APPEND : O_TRUNC), 0666);
    if (r < 0) return sys::fail(r, "open", name);
    return Target(name, Fd(static_cast<int>(r)));
}

int run(const Options& o) {
    catch_signals();
    std::vector<Target> targets;
    int worst = exit_ok;
    for (const auto& name : o.targets) {
        auto t = open_target(name, o);
        if (!t) {
            worst = std::max(worst, report("tee", t.error()));
            if (worst == exit_usage) return worst;
            continue;
        }
        if (auto r = t->open_transit(); !r) return report("tee", r.error());
        targets.push_back(std::move(*t));
    }
    if (is_pipe(1)) widen(1);
    targets.emplace_back("standard output", Fd(static_cast<int>(sys::fcntl(1, F_DUPFD_CLOEXEC, 3))));
    if (auto r = targets.back().open_transit(); !r) return report("tee", r.error());
    const long null = sys::open("/dev/null", O_WRONLY);
    if (null < 0) return report("tee", sys::error(null, "open", "/dev/null"));
    return std::max(worst, Tee(std::move(targets), Fd(static_cast<int>(null))).run());
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("target", o->targets, "files and URIs; a word with a known scheme is a URI");
    app.add_flag("-a,--append", o->append, "append to files instead of starting them anew");
    app.add_flag("--create", o->create, "make the objects that URIs name if they are missing");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command tee_command;
const Command tee_command{.name = "tee",
                          .arguments = "[FILE|URI]...",
                          .summary = "standard input to standard output and to any number of files and URIs",
                          .examples =
                              "make 2>&1 | wye tee build.log | tail -f\n"
                              "tar c . | wye tee 'unix:/tmp/mirror?framing=raw' | zstd > backup.tar.zst",
                          .define = define,
                          .completes_uris = true};

}  // namespace wye::cli
