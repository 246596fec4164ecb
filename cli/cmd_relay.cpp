// wye relay: joins any two means, both ways where both can.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "os/errno.hpp"
#include "os/syscall.hpp"
#include "relay_pattern.hpp"
#include "splice.hpp"
#include "terminal.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <thread>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

struct Options {
    std::string a, b;
    bool one_way = false, create = false, pub_sub = false, queue = false;
};

// One direction. Ends at the end of `from`, which is handed on as the end of what `to` hears.
class Direction {
public:
    // The handles are asked for here, before the threads: an end's two ways have one each, and a look at one is no
    // business of the other's.
    Direction(Channel& from, Channel& to, std::string name)
        : from_(from), to_(to), in_(from.raw_handles()), out_(to.raw_handles()), name_(std::move(name)) {}

    void run() {
        result_ = copy();
        if (auto r = to_.close_write(); !r && result_ && !r.error().is(Errc::unsupported))
            result_ = std::unexpected(r.error());
        done_.store(true, std::memory_order_release);  // pairs with done(): the result is there
    }
    bool done() const noexcept { return done_.load(std::memory_order_acquire); }
    std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
    const Result<>& result() const noexcept { return result_; }
    const std::string& name() const noexcept { return name_; }

private:
    // Bytes may stay in the kernel when both sides have the same idea of where messages end.
    Result<> copy() {
        if (in_.read >= 0 && out_.write >= 0 && in_.framing == out_.framing) return splice_all(in_.read, out_.write);
        return copy_messages();
    }

    Result<> splice_all(int in, int out) {
        for (const int fd : {in, out})
            if (is_pipe(fd)) widen(fd);
        if (!wait_input(in)) return {};  // also because a FIFO that nobody has opened yet reads as ended
        if (is_pipe(in)) return drain(in, out);
        if (is_pipe(out)) return fill(in, out);
        WYE_TRY(const auto transit, make_transit());
        return fill(in, transit.write.get(),
                    [&](std::size_t n) { return mover_.move_all(transit.read.get(), out, n); });
    }

    Result<> drain(int pipe, int out) {
        while (!interrupted()) {
            WYE_TRY(const auto n, mover_.move(pipe, out, 1 << 20));
            if (n == 0 && ended(pipe)) return {};
            bytes_.fetch_add(n, std::memory_order_relaxed);
        }
        return {};
    }

    template <class Then = std::nullptr_t>
    Result<> fill(int in, int pipe, Then then = nullptr) {
        while (!interrupted()) {
            const long n = sys::splice(in, pipe, 1 << 20, SPLICE_F_MOVE);
            if (n == 0) return {};
            if (n == -EINTR) continue;
            if (n == -EINVAL) return copy_messages();  // nothing was moved: this kind of descriptor cannot be spliced
            if (n < 0) return sys::fail(n, "splice");
            if constexpr (!std::is_same_v<Then, std::nullptr_t>) WYE_CHECK(then(static_cast<std::size_t>(n)));
            bytes_.fetch_add(static_cast<std::uint64_t>(n), std::memory_order_relaxed);
        }
        return {};
    }

    // A move of nothing is the end, or a signal.
    static bool ended(int pipe) noexcept {
        pollfd p{.fd = pipe, .events = POLLIN, .revents = 0};
        const timespec none{};
        return sys::ppoll(&p, 1, &none) > 0 && !(p.revents & POLLIN);
    }

    Result<> copy_messages() {
        for (;;) {
            Meta meta;
            auto got = patiently(Deadline::never(), [&](Deadline d) { return from_.recv_view(meta, d); });
            if (interrupted()) return {};
            if (!got) return got.error().is(Errc::closed) ? Result<>() : std::unexpected(got.error());
            if (!(to_.traits().priorities || to_.traits().types)) meta = {};
            auto sent = patiently(Deadline::never(), [&](Deadline d) { return to_.send(*got, meta, d); });
            if (!sent) return interrupted() ? Result<>() : sent;
            bytes_.fetch_add(got->size(), std::memory_order_relaxed);
        }
    }

    Channel& from_;
    Channel& to_;
    const Channel::RawHandles in_, out_;
    std::string name_;
    Mover mover_;
    std::atomic<std::uint64_t> bytes_{0};
    std::atomic<bool> done_{false};
    Result<> result_;
};

Result<Channel> open_side(const std::string& uri, Mode mode, const Options& o) {
    const OpenOptions how{.mode = mode, .create = o.create ? Create::if_missing : Create::never};
    return patiently(Deadline::never(), [&](Deadline d) { return open(uri, how, d); });
}

// Runs the directions side by side until all have ended; a signal is handed to the threads until they notice.
void run_all(std::vector<std::unique_ptr<Direction>>& ways) {
    struct sigaction nothing{};
    nothing.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &nothing, nullptr);
    Progress progress("wye: relay");
    std::uint64_t shown = 0;
    std::vector<std::jthread> threads;
    for (auto& w : ways) threads.emplace_back([&w] { w->run(); });
    const auto busy = [&] { return std::ranges::any_of(ways, [](auto& w) { return !w->done(); }); };
    for (auto pause = 1ms; busy(); pause = std::min<std::chrono::milliseconds>(pause * 2, 100ms)) {
        std::this_thread::sleep_for(pause);
        std::uint64_t sum = 0;
        for (auto& w : ways) sum += w->bytes();
        progress.add(std::exchange(shown, sum) == sum ? 0 : sum - progress.bytes());
        progress.show();
        for (std::size_t i = 0; interrupted() && i < ways.size(); ++i)
            if (!ways[i]->done()) ::pthread_kill(threads[i].native_handle(), SIGUSR1);
    }
}

int run(const Options& o) {
    catch_signals();
    for (const auto* uri : {&o.a, &o.b})  // both are looked at before either is opened
        if (auto parsed = Uri::parse(*uri); !parsed) return report("relay", parsed.error());
    const auto duplex = [](const std::string& uri) {
        const auto* m = find_mechanism(Uri::parse(uri)->scheme());
        return m && m->traits.duplex;
    };
    auto a = open_side(o.a, duplex(o.a) ? Mode::both : Mode::read, o);
    if (!a) return interrupted() ? interrupted_early("relay") : report("relay", a.error());
    auto b = open_side(o.b, duplex(o.b) ? Mode::both : Mode::write, o);
    if (!b) return interrupted() ? interrupted_early("relay") : report("relay", b.error());
    for (auto* side : {&*a, &*b})
        if (auto r = patiently(Deadline::never(), [&](Deadline d) { return side->wait_peer(d); }); !r)
            return interrupted() ? interrupted_early("relay") : report("relay", r.error());
    const bool both = a->traits().duplex && b->traits().duplex && !o.one_way;
    std::vector<std::unique_ptr<Direction>> ways;
    ways.push_back(std::make_unique<Direction>(*a, *b, o.a + " -> " + o.b));
    if (both) ways.push_back(std::make_unique<Direction>(*b, *a, o.b + " -> " + o.a));
    run_all(ways);
    int worst = exit_ok;
    for (const auto& w : ways) {
        if (w->result() || w->result().error().is(Errc::closed)) continue;
        worst = std::max(worst, report("relay", w->result().error()));
    }
    if (interrupted())
        for (const auto& w : ways)
            fmt::print(stderr, "wye: relay: {}: {}\n", escape(w->name()), human_size(static_cast<double>(w->bytes())));
    return finish(worst);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("a", o->a, "one side: see wye help uri")->required();
    app.add_option("b", o->b, "the other")->required();
    app.add_flag("--one-way", o->one_way, "from the first to the second only");
    app.add_flag("--create", o->create, "make what is missing");
    auto* publications =
        app.add_flag("--pub-sub", o->pub_sub, "what is published at the first is published at the second");
    app.add_flag("--queue", o->queue, "each job put at the first is put at the second, and done when that one has it")
        ->excludes(publications);
    return [o] { return o->pub_sub ? relay_publications(o->a, o->b) : o->queue ? relay_jobs(o->a, o->b) : run(*o); };
}

}  // namespace

extern const Command relay_command;
const Command relay_command{
    .name = "relay",
    .arguments = "URI URI",
    .summary = "join two means: both ways where both can, else from the first to the second",
    .examples =
        "wye relay 'tcp://127.0.0.1:7000?listen' unix:/run/app.sock   # a socket, seen from the network\n"
        "wye relay 'fifo:/tmp/in?framing=lines' posix-mq:/jobs         # a line of the FIFO, a message of the queue\n"
        "wye relay --queue shm:jobs nats://10.0.0.7:4222/jobs          # goes on when either side comes back",
    .define = define,
    .completes_uris = true};

}  // namespace wye::cli
