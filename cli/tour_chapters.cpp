#include "tour_chapters.hpp"

#include "wye/process/command.hpp"
#include "wye/registry/open.hpp"
#include "wye/sync/file_lock.hpp"
#include "wye/sync/signals.hpp"

#include "tour_process.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;
constexpr auto patience = 10s;  // far beyond what any step needs

double since(Clock::time_point start, double times) {
    return static_cast<double>(std::chrono::nanoseconds(Clock::now() - start).count()) / times;
}

// A removal at the end of a chapter, however it ends.
struct Named {
    std::string uri;
    Named(std::string u, std::vector<std::string>& names) : uri(std::move(u)) { names.push_back(uri); }
    Named(const Named&) = delete;
    Named& operator=(const Named&) = delete;
    ~Named() { (void)remove(uri); }
};

// Two strangers and two semaphores: whoever has the token posts the other's.
Result<double> token(const Mechanism& m, const std::string& directory, std::vector<std::string>& names) {
    constexpr int turns = 1000;
    const SemaphoreOptions fresh{.create = Create::exclusive, .initial = 0};
    const Named there(m.scratch(directory)[0], names);
    WYE_TRY(auto ours, open_semaphore(there.uri, fresh));
    const Named back(m.scratch(directory)[0], names);
    WYE_TRY(auto theirs, open_semaphore(back.uri, fresh));
    const auto start = Clock::now();
    Process other([&] {
        auto in = open_semaphore(there.uri, {}), out = open_semaphore(back.uri, {});
        for (int i = 0; i < turns; ++i)
            if (!in || !out || !in->wait(patience) || !out->post()) return 1;
        return 0;
    });
    for (int i = 0; i < turns && !interrupted(); ++i) {
        WYE_CHECK(ours.post());
        WYE_CHECK(theirs.wait(patience));
    }
    const auto each = since(start, 2.0 * turns);
    if (!other.good(patience)) return refuse(Errc::failed, "the other process did not pass the token on");
    return each;
}

// The signal is blocked before the fork, so that none can come too early.
Result<double> words() {
    constexpr std::uint64_t count = 100;
    WYE_TRY(const int number, real_time(0));
    WYE_TRY(auto set, SignalSet::block({number}));
    Process taker([&] {
        for (std::uint64_t i = 0; i < count; ++i)
            if (const auto s = set.wait(patience); !s || s->word != i || s->sender != ::getppid()) return 1;
        return 0;
    });
    WYE_TRY(const auto target, SignalTarget::of(taker.pid()));
    const auto start = Clock::now();
    for (std::uint64_t i = 0; i < count && !interrupted(); ++i) WYE_CHECK(queue(target, number, i));
    if (!taker.good(patience)) return refuse(Errc::failed, "a word was lost, or came out of order");
    return since(start, count);
}

Result<double> page(const Mechanism& m, const std::string& directory, std::vector<std::string>& names) {
    const auto pattern = [](std::size_t i) { return std::byte(i * 2654435761u >> 13); };
    const Named shared(m.scratch(directory)[0], names);
    WYE_TRY(const auto kept, open_segment(shared.uri, {.create = Create::exclusive}));
    const auto size = kept.size();
    const auto start = Clock::now();
    Process writer([&] {
        auto s = open_segment(shared.uri);
        if (!s) return 1;
        for (std::size_t i = 0; i < size; ++i) s->mut_bytes()[i] = pattern(i);
        return 0;
    });
    if (!writer.good(patience)) return refuse(Errc::failed, "the writer could not open it");
    Process reader([&] {
        const auto s = open_segment(shared.uri, {.writable = false});
        for (std::size_t i = 0; i < size; ++i)
            if (!s || s->bytes()[i] != pattern(i)) return 1;
        return 0;
    });
    if (!reader.good(patience)) return refuse(Errc::failed, "the reader saw other bytes than were written");
    return since(start, 1);
}

Result<double> lock_of_the_killed(const std::string& directory) {
    const auto path = directory + "/lock", sign = directory + "/held";
    Process holder([&] {
        auto lock = FileLock::open(path);
        auto held = lock ? lock->lock(patience) : std::unexpected(lock.error());
        if (!held || ::mkdir(sign.c_str(), 0700) != 0) return 1;
        for (;;) ::pause();
    });
    for (const Deadline d = patience; ::access(sign.c_str(), F_OK) != 0; ::usleep(200))
        if (d.passed() || interrupted()) return refuse(Errc::timed_out, "the holder did not get the lock");
    WYE_TRY(auto lock, FileLock::open(path));
    if (lock.lock(Deadline::now())) return refuse(Errc::failed, "two had the lock at once");
    const auto start = Clock::now();
    holder.end();
    WYE_TRY(const auto held, lock.lock(patience));
    const auto took = since(start, 1);
    ::rmdir(sign.c_str());
    ::unlink(path.c_str());
    return took;
}

Result<double> programs() {
    const auto start = Clock::now();
    WYE_TRY(const auto got,
            pipeline({wye::Command({"seq", "100000"}), wye::Command({"sort", "-rn"}), wye::Command({"head", "-n1"})})
                .run(patience));
    if (got.out != "100000\n") return refuse(Errc::failed, "seq | sort -rn | head -n1 gave \"" + got.out + "\"");
    return since(start, 1);
}

}  // namespace

void tour_chapters(const std::string& directory, std::vector<std::string>& names,
                   const std::function<void(const Chapter&)>& told) {
    const auto chapter = [&](std::string_view name, const char* what, auto&& show) {
        if (interrupted()) return;
        Chapter c{.name = std::string(name), .what = what};
        if (const auto took = show()) {
            c.nanoseconds = *took;
        } else {
            c.trouble = took.error().message();
            c.missing = took.error().is(Errc::unsupported);
        }
        if (!interrupted()) told(c);
    };
    for (const auto* m : mechanisms())
        if (m->open_semaphore && m->scratch)
            chapter(m->traits.scheme, "a token to and fro between two processes, 1000 times; one way",
                    [&] { return token(*m, directory, names); });
    chapter("signal", "100 words queued by pidfd, every one taken, in order; a signal", words);
    for (const auto* m : mechanisms())
        if (m->open_segment && m->scratch)
            chapter(m->traits.scheme, "64 KiB of pages written by one process, read by another; both together",
                    [&] { return page(*m, directory, names); });
    chapter("lock", "a lock whose holder is killed goes to who waits; from the kill on",
            [&] { return lock_of_the_killed(directory); });
    chapter("command", "seq | sort -rn | head, a pipeline without a shell; all of it", programs);
}

}  // namespace wye::cli
