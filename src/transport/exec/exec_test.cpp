#include "wye/transport/exec.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "os/spawn.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;
using wye::sys::Call;

namespace {

std::string next(Channel& c, Deadline d = 5s) {
    std::vector<std::byte> room(c.max_message());
    auto got = c.recv(room, d);
    return got ? std::string(text_of(*got)) : "<" + std::string(name(got.error().kind())) + ">";
}

bool no_child_left() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1;  // ECHILD: not one, dead or alive
}

Exec start(std::initializer_list<std::string> words, ExecOptions o = {}) {
    const std::vector<std::string> argv(words);
    return or_throw(Exec::start(argv, o));
}

bool alive(int pid) { return ::kill(pid, 0) == 0; }

}  // namespace

TEST(Exec, sort_reads_what_we_write_and_we_read_what_it_writes) {
    auto c = or_throw(wye::open("exec:sort -u?framing=lines"));
    for (const auto* word : {"b", "a", "b"}) WYE_ASSERT_OK(c.send(bytes_of(std::string_view(word)), 5s));
    WYE_ASSERT_OK(c.close_write());
    EXPECT_EQ(next(c), "a");
    EXPECT_EQ(next(c), "b");
    EXPECT_EQ(next(c), "<closed>");
    EXPECT_EQ(next(c, Deadline::now()), "<closed>");
    WYE_ASSERT_OK(c.finish(5s));
}

TEST(Exec, no_shell_sees_the_words) {
    auto c = or_throw(
        wye::open("exec:printf %25s\\n $HOME  ;id `id` a%20b *  | > '%3F%23'?framing=lines", {.mode = Mode::read}));
    for (const auto* word : {"$HOME", ";id", "`id`", "a b", "*", "|", ">", "'?#'"}) EXPECT_EQ(next(c), word);
    EXPECT_EQ(next(c), "<closed>");
}

TEST(Exec, a_program_that_does_not_exist_is_not_found_and_nothing_is_left) {
    const TempDir dir;
    // A directory on the way that we may not search would make EACCES of every name.
    const std::string path = std::getenv("PATH") ? std::getenv("PATH") : "";
    ::setenv("PATH", "/usr/bin:/bin", 1);
    std::ofstream(dir / "no-program") << "#!/bin/sh\n";
    const auto before = open_descriptors();
    WYE_EXPECT_ERRC(Errc::not_found, wye::open("exec:no-such-program-anywhere"));
    WYE_EXPECT_ERRC(Errc::not_found, wye::open("exec:/no/such/program"));
    WYE_EXPECT_ERRC(Errc::denied, wye::open("exec:" + (dir / "no-program")));
    for (const auto* bad : {"exec:", "exec:  ", "exec:cat%0", "exec:cat?shell"})
        WYE_EXPECT_ERRC(Errc::bad_address, wye::open(bad));
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(no_child_left());
    ::setenv("PATH", path.c_str(), 1);
}

TEST(Exec, how_it_ended_is_named) {
    const struct {
        const char* script;
        Errc kind;
        const char* words;
    } table[] = {{"exit 0", Errc::closed, ""},
                 {"exit 3", Errc::peer_died, "exit status 3"},
                 {"kill -9 $$", Errc::peer_died, "signal 9"}};
    for (const auto& row : table) {
        auto e =
            start({"sh", "-c", std::string("echo last words; ") + row.script}, {.stream = {.framing = Framing::lines}});
        std::vector<std::byte> room(e.max_message());
        EXPECT_EQ(text_of(or_throw(e.recv(room, 5s))), "last words");
        for (const auto& end : {Result<Bytes>(e.recv(room, 5s)), e.recv_view(5s)}) {
            WYE_EXPECT_ERRC(row.kind, end);
            EXPECT_NE(end.error().message().find(row.words), std::string::npos) << end.error().message();
        }
        const auto finished = e.finish(5s);
        ASSERT_EQ(finished.has_value(), row.kind == Errc::closed);
        const auto told = finished ? std::string() : finished.error().message();
        EXPECT_NE(told.find(row.words), std::string::npos) << told;
    }
}

TEST(Exec, writing_to_one_that_has_ended_says_how_and_raises_no_sigpipe) {
    Child child([] {
        ::signal(SIGPIPE, SIG_DFL);
        auto e = start({"sh", "-c", "exit 4"});
        ::usleep(100'000);
        const auto r = e.send(bytes_of("x"), 5s);
        WYE_EXPECT_ERRC(Errc::peer_died, r);
        EXPECT_NE(r.error().message().find("exit status 4"), std::string::npos) << r.error().message();
        return true;
    });
    EXPECT_TRUE(child.ok());
}

TEST(Exec, it_inherits_three_descriptors_and_clean_signals) {
    const int leak = ::open("/dev/null", O_RDONLY);  // not CLOEXEC, as careless code leaves them
    sigset_t usr1, before;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &usr1, &before);
    const auto old_pipe = ::signal(SIGPIPE, SIG_IGN);
    // cat and not a shell, which has signals of its own; the C library ignores 32 and 33 for itself.
    auto status = or_throw(wye::open("exec:cat /proc/self/status?framing=lines", {.mode = Mode::read}));
    auto list = or_throw(wye::open("exec:find /proc/self/fd -lname *null?framing=lines", {.mode = Mode::read}));
    ::signal(SIGPIPE, old_pipe);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(leak);
    std::string blocked, ignored;
    for (auto line = next(status); line != "<closed>"; line = next(status)) {
        ASSERT_FALSE(line.starts_with("<")) << line;
        if (line.starts_with("SigBlk:")) blocked = line.substr(8);
        if (line.starts_with("SigIgn:")) ignored = line.substr(8);
    }
    EXPECT_EQ(std::stoull(blocked, nullptr, 16), 0u);
    EXPECT_EQ(std::stoull(ignored, nullptr, 16) & 0x7fffffff, 0u);
    EXPECT_EQ(next(list), "/proc/self/fd/0")
        << "its standard input, for we only read; the leaked descriptor is not there";
    EXPECT_EQ(next(list), "<closed>");
}

TEST(Exec, a_deadline_ends_the_wait_when_both_sides_only_write) {
    auto c = or_throw(wye::open("exec:cat?framing=raw"));
    const std::string piece(60'000, 'x');
    Result<> r;
    const auto start_time = Deadline::Clock::now();
    std::size_t taken = 0;
    while (taken < 100 && (r = c.send(bytes_of(piece), 30ms))) ++taken;
    WYE_EXPECT_ERRC(Errc::timed_out, r);
    EXPECT_LT(Deadline::Clock::now() - start_time, 3s);
    // Nothing is lost by it: every piece that was taken comes back.
    std::vector<std::byte> room(c.max_message());
    std::size_t back = 0;
    while (back < taken * piece.size()) {
        auto got = c.recv(room, 5s);
        WYE_ASSERT_OK(got);
        back += got->size();
        (void)c.send({}, Deadline::now());  // lets the rest of the last piece go
    }
    EXPECT_EQ(back, taken * piece.size());
}

TEST(Exec, dropping_it_ends_and_reaps_it) {
    for (const auto* script : {"cat >/dev/null", "exec sleep 60"}) {
        int pid;
        const auto start_time = Deadline::Clock::now();
        {
            auto e = start({"sh", "-c", script});
            pid = e.pid();
            EXPECT_TRUE(alive(pid));
        }
        EXPECT_FALSE(alive(pid)) << script;
        EXPECT_TRUE(no_child_left());
        EXPECT_LT(Deadline::Clock::now() - start_time, 2s);
    }
}

TEST(Exec, what_is_half_sent_reaches_it_before_it_is_dropped) {
    const TempDir dir;
    const auto path = dir / "got";
    const std::string big(200'000, 'x');
    {
        auto e = start({"sh", "-c", "sleep 0.2; cat >" + path}, {.stream = {.framing = Framing::raw}});
        WYE_ASSERT_OK(e.send(bytes_of(big), 50ms));  // begun, so it counts as sent
    }
    struct stat s{};
    ASSERT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_EQ(static_cast<std::size_t>(s.st_size), big.size());
}

TEST(Exec, it_works_where_sigchld_is_ignored_or_reaped_by_someone_else) {
    Child child([] {
        const auto end_of = [](std::initializer_list<std::string> words) {
            auto e = start(words, {.stream = {.framing = Framing::raw}});
            std::byte room[64];
            return e.recv(room, 5s).error().kind();
        };
        const auto check = [&] {
            // closed where nobody kept the status: before Linux 6.15, or when it ended before it had a pidfd
            const auto kind = end_of({"sh", "-c", "sleep 0.05; exit 5"});
            EXPECT_TRUE(kind == Errc::peer_died || kind == Errc::closed) << name(kind);
            EXPECT_EQ(end_of({"true"}), Errc::closed);
            { auto e = start({"sleep", "60"}); }  // dropped: killed, and the wait ends
        };
        ::signal(SIGCHLD, SIG_IGN);
        check();
        ::signal(SIGCHLD, [](int) {
            const int before = errno;  // as every handler must
            while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
            errno = before;
        });
        check();
        return no_child_left();
    });
    EXPECT_TRUE(child.ok());
}

TEST(Exec, the_kernel_tells_how_it_ended_though_someone_else_reaped_it) {
    auto p = or_throw(sys::Process::start(std::vector<std::string>{"sh", "-c", "exit 6"}, -1, -1));
    ASSERT_EQ(::waitpid(p.pid(), nullptr, 0), p.pid());
    sys::PidfdInfo info{.mask = sys::PidfdInfo::exit_bit};
    if (sys::pidfd_info(p.pidfd(), &info) < 0)
        GTEST_SKIP() << "the kernel keeps nothing with the pidfd (before Linux 6.15)";
    const auto exit = or_throw(p.wait(1s));
    EXPECT_TRUE(exit.known);
    EXPECT_EQ(exit.status, 6);
}

TEST(Exec, a_forked_copy_neither_waits_nor_kills) {
    auto e = start({"cat"}, {.stream = {.framing = Framing::raw}});
    Child copy([&] {
        const auto begun = Deadline::Clock::now();
        { const Exec gone = std::move(e); }
        return Deadline::Clock::now() - begun < 500ms;
    });
    EXPECT_TRUE(copy.ok());
    WYE_ASSERT_OK(e.send(bytes_of("still here"), 1s));
    std::byte room[64];
    EXPECT_EQ(text_of(or_throw(e.recv(room, 5s))), "still here");
}

TEST(Exec, a_start_that_fails_at_any_call_leaves_no_process_and_no_descriptor) {
    const auto before = open_descriptors();
    unsigned failures = 0;
    for (const auto mode : {Mode::both, Mode::read, Mode::write})
        for (const auto call : {Call::pipe2, Call::open, Call::spawn, Call::pidfd_open})
            for (unsigned n = 1; n < 5; ++n) {
                bool hit;
                {
                    const sys::Inject fault({{.call = call, .nth = n, .error = EMFILE}});
                    auto c = wye::open("exec:cat", {.mode = mode});
                    hit = fault.hits() > 0;
                    EXPECT_EQ(c.has_value(), !hit);
                    EXPECT_TRUE(c || c.error().is(Errc::exhausted));
                }
                EXPECT_EQ(open_descriptors(), before);
                EXPECT_TRUE(no_child_left()) << "call " << int(call) << ", " << n;
                if (!hit) break;
                ++failures;
            }
    EXPECT_EQ(failures, 11u);
}

TEST(Exec, in_a_storm_of_signals_and_with_standard_input_closed_it_starts_all_the_same) {
    Child child([] {
        ::close(0);
        ::close(1);
        const EintrStorm storm;
        for (int i = 0; i < 20; ++i) {
            auto c = or_throw(wye::open("exec:cat?framing=lines"));
            if (!c.send(bytes_of("round"), 5s) || next(c) != "round" || !c.finish(5s)) return false;
        }
        return no_child_left();
    });
    EXPECT_TRUE(child.ok());
}
