// Programs that hang, fork, hide, are killed and stopped; and what of us must not reach them.
#include "wye/process/command.hpp"

#include "os/inject.hpp"
#include "support/stepper.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;
using wye::sys::Call;

namespace {

bool no_child_left() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1;
}

Command sh(std::string script) { return Command({"sh", "-c", std::move(script)}); }

// A zombie that init has not reaped yet has ended.
bool alive(int pid) {
    char state = 0;
    if (FILE* f = ::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r")) {
        if (::fscanf(f, "%*d (%*[^)]) %c", &state) != 1) state = 0;
        ::fclose(f);
    }
    return state != 0 && state != 'Z' && state != 'X';
}

bool ends(int pid) {
    for (int i = 0; i < 200 && alive(pid); ++i) ::usleep(10'000);
    return !alive(pid);
}

// Waits until the script has printed `lines` lines, and answers the numbers on them.
std::vector<int> numbers_of(Job& job, std::size_t lines) {
    std::vector<int> numbers;
    for (int i = 0; i < 500; ++i) {
        const auto r = job.wait(20ms);
        const auto& text = job.output().out;
        if (static_cast<std::size_t>(std::ranges::count(text, '\n')) >= lines || r) break;
    }
    std::string_view rest = job.output().out;
    for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
        numbers.push_back(std::stoi(std::string(rest.substr(0, end))));
        rest.remove_prefix(end + 1);
    }
    return numbers;
}

}  // namespace

TEST(CommandFaults, a_deadline_ends_the_whole_tree) {
    Output o;
    const auto begin = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out,
                    sh("sh -c 'sleep 60 & echo $!; wait' & echo $!; echo $$; wait").run_into(o, 300ms));
    EXPECT_LT(Deadline::Clock::now() - begin, 4s);
    EXPECT_EQ(o.exit.signal, SIGTERM);
    std::string_view rest = o.out;
    int seen = 0;
    for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n'), ++seen) {
        EXPECT_TRUE(ends(std::stoi(std::string(rest.substr(0, end)))));
        rest.remove_prefix(end + 1);
    }
    EXPECT_GE(seen, 1) << "it was given time to start";
    EXPECT_TRUE(no_child_left());
}

TEST(CommandFaults, one_that_ignores_sigterm_is_killed_after_the_grace) {
    auto job = or_throw(sh("trap '' TERM; echo $$; while :; do sleep 60; done").grace(100ms).start());
    const auto pids = numbers_of(job, 1);
    ASSERT_EQ(pids.size(), 1u);
    EXPECT_EQ(or_throw(job.end()).signal, SIGKILL);
    EXPECT_FALSE(alive(pids[0]));
    EXPECT_TRUE(no_child_left());
}

TEST(CommandFaults, one_that_cleans_up_at_sigterm_has_the_time_and_its_last_words_are_kept) {
    auto job =
        or_throw(sh("trap 'sleep 0.1; echo 2; exit 9' TERM; echo 1; while :; do sleep 0.01; done").grace(20s).start());
    ASSERT_EQ(numbers_of(job, 1).size(), 1u);
    EXPECT_EQ(or_throw(job.end()).status, 9);
    EXPECT_EQ(job.output().out, "1\n2\n");
}

TEST(CommandFaults, a_stopped_one_is_ended) {
    auto job = or_throw(sh("echo $$; kill -STOP $$; echo never").grace(20s).start());
    ASSERT_EQ(numbers_of(job, 1).size(), 1u);
    EXPECT_EQ(or_throw(job.end()).signal, SIGTERM);
    auto dropped = or_throw(sh("echo $$; kill -STOP $$").start());
    const auto pids = numbers_of(dropped, 1);
    ASSERT_EQ(pids.size(), 1u);
    { const Job gone = std::move(dropped); }
    EXPECT_FALSE(alive(pids[0]));
}

TEST(CommandFaults, a_descendant_that_left_the_group_is_ended_while_its_parent_lives) {
    auto job = or_throw(sh("setsid sh -c 'echo $$; exec sleep 60' & wait").grace(20s).start());
    const auto pids = numbers_of(job, 1);
    ASSERT_EQ(pids.size(), 1u);
    ASSERT_TRUE(alive(pids[0]));
    (void)job.end();
    EXPECT_TRUE(ends(pids[0]));
}

TEST(CommandFaults, an_orphan_in_the_group_is_ended) {
    // Its parent is gone, so nothing in /proc joins it to us; its group does.
    auto job = or_throw(sh("sh -c 'sleep 60 & echo $!'; sleep 60").grace(20s).start());
    const auto pids = numbers_of(job, 1);
    ASSERT_EQ(pids.size(), 1u);
    (void)job.end();
    EXPECT_TRUE(ends(pids[0]));
}

TEST(CommandFaults, a_grandchild_that_keeps_the_output_open_counts_until_the_deadline) {
    Output o;
    WYE_EXPECT_ERRC(Errc::timed_out, sh("sleep 60 & echo $!").run_into(o, 500ms));
    EXPECT_TRUE(o.exit.ok()) << "the program itself had ended well: " << o.exit.text();
    ASSERT_FALSE(o.out.empty());
    EXPECT_TRUE(ends(std::stoi(o.out)));
}

TEST(CommandFaults, in_the_foreground_the_tree_is_what_proc_shows) {
    auto job = or_throw(sh("sleep 60 & echo $!; wait").foreground().grace(20s).start());
    const auto pids = numbers_of(job, 1);
    ASSERT_EQ(pids.size(), 1u);
    EXPECT_EQ(::getpgid(job.pid()), ::getpgrp());
    (void)job.end();
    EXPECT_TRUE(ends(pids[0]));
}

TEST(CommandFaults, dropping_a_job_ends_its_tree_and_reaps) {
    std::vector<int> pids;
    {
        auto job = or_throw(sh("trap '' TERM; sleep 60 & echo $!; echo $$; wait").start());
        pids = numbers_of(job, 2);
        ASSERT_EQ(pids.size(), 2u);
    }
    EXPECT_FALSE(alive(pids[1]));
    EXPECT_TRUE(ends(pids[0]));
    EXPECT_TRUE(no_child_left());
}

TEST(CommandFaults, a_kill_from_outside_at_any_moment_is_told_as_what_it_was) {
    for (int i = 0; i < 20; ++i) {
        auto job =
            or_throw(Command({"cat", "/dev/zero"}).out(Target::stream([](Bytes) { return Result<>(); })).start());
        if (i % 2) (void)job.wait(std::chrono::milliseconds(i / 2));
        ASSERT_EQ(::kill(job.pid(), SIGKILL), 0);
        EXPECT_EQ(or_throw(job.wait(20s)).signal, SIGKILL);
    }
    EXPECT_TRUE(no_child_left());
}

TEST(CommandFaults, I8_it_works_where_sigchld_is_ignored_or_reaped_by_someone_else) {
    Child child([] {
        const auto check = [] {
            for (int i = 0; i < 10; ++i) {
                const auto o = or_throw(sh("cat; exit 5").in(Source::bytes("text")).run(20s));
                EXPECT_EQ(o.out, "text");
                EXPECT_TRUE(o.exit.status == 5 || !o.exit.known) << o.exit.text();
                EXPECT_TRUE(or_throw(Command({"true"}).run(20s)).exit.ok());
            }
            Output o;
            WYE_EXPECT_ERRC(Errc::timed_out, sh("sleep 60 & echo $!; wait").run_into(o, 300ms));
            EXPECT_TRUE(!o.out.empty() && ends(std::stoi(o.out)));
        };
        ::signal(SIGCHLD, SIG_IGN);
        check();
        ::signal(SIGCHLD, [](int) {
            const int before = errno;
            while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
            errno = before;
        });
        check();
        return no_child_left();
    });
    EXPECT_TRUE(child.ok());
}

TEST(CommandFaults, I10_nothing_leaks_while_a_thread_opens_everything) {
    const int careless = ::open("/dev/null", O_RDONLY);  // not CLOEXEC
    std::atomic<bool> stop{false};
    std::thread opener([&] {
        while (!stop) {
            const int file = ::open("/dev/null", O_RDONLY);
            int ends[2], pair[2];
            const bool piped = ::pipe(ends) == 0, paired = ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
            if (piped) ::close(ends[0]), ::close(ends[1]);
            if (paired) ::close(pair[0]), ::close(pair[1]);
            if (file >= 0) ::close(file);
        }
    });
    for (int i = 0; i < 40; ++i) {
        // The fourth is the directory that ls itself reads.
        const auto o = Command({"ls", "/proc/self/fd"}).in(Source::bytes("x")).err(Target::capture()).run(20s);
        EXPECT_TRUE(o && o->out == "0\n1\n2\n3\n") << (o ? o->out : o.error().message());
    }
    stop = true;
    opener.join();
    ::close(careless);
}

TEST(CommandFaults, nothing_of_ours_is_left) {
    const auto before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        (void)Command({"cat"}).in(Source::bytes("x")).err(Target::capture()).run(20s);
        (void)Command({"sleep", "60"}).run(Deadline::now());
        (void)pipeline({Command({"yes"}), Command({"cat"})}).run(5ms);
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(no_child_left());
}

TEST(CommandFaults, many_threads_run_one_command) {
    const auto command = Command({"cat"}).in(Source::bytes(std::string(200'000, 'x')));
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 5; ++i)
                if (const auto o = command.run(30s); o && o->out.size() == 200'000) ++good;
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(good, 20);
    EXPECT_TRUE(no_child_left());
}

TEST(CommandFaults, interrupted_calls_change_nothing) {
    const EintrStorm storm;
    const std::string big(500'000, 'x');
    const auto o = or_throw(Command({"cat"}).in(Source::bytes(big)).run(30s));
    EXPECT_TRUE(o.out == big);
    WYE_EXPECT_ERRC(Errc::timed_out, Command({"sleep", "60"}).run(50ms));
}

TEST(CommandFaults, a_call_that_fails_leaves_nothing_behind) {
    const auto before = open_descriptors();
    for (const auto& [call, error, kind] :
         {std::tuple{Call::pipe2, EMFILE, Errc::exhausted}, std::tuple{Call::spawn, EAGAIN, Errc::exhausted},
          std::tuple{Call::spawn, ENOMEM, Errc::exhausted}, std::tuple{Call::pidfd_open, EMFILE, Errc::exhausted},
          std::tuple{Call::ppoll, ENOMEM, Errc::exhausted}}) {
        for (unsigned nth = 1; nth <= 2; ++nth) {
            sys::Inject fault({{.call = call, .nth = nth, .error = error}});
            const auto r = Command({"cat"}).in(Source::bytes("x")).run(20s);
            if (fault.hits() == 0) continue;
            WYE_EXPECT_ERRC(kind, r);
        }
        EXPECT_EQ(open_descriptors(), before);
        EXPECT_TRUE(no_child_left());
    }
}

TEST(CommandFaults, short_transfers_lose_nothing) {
    sys::Inject fault({{.call = Call::any, .times = 1u << 30, .clip = 3}});
    std::string text(3000, 'x');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i % 251);
    EXPECT_TRUE(or_throw(Command({"cat"}).in(Source::bytes(text)).run(30s)).out == text);
    EXPECT_GT(fault.hits(), 10u);
}

TEST(CommandFaults, a_forked_copy_neither_ends_nor_reaps) {
    auto job = or_throw(sh("exit 3").start());
    auto sleeper = or_throw(Command({"sleep", "60"}).start());
    const pid_t copy = ::fork();
    if (copy == 0) {
        {
            const Job dropped = std::move(sleeper);
        }
        ::_exit(0);
    }
    ASSERT_GT(copy, 0);
    ASSERT_EQ(::waitpid(copy, nullptr, 0), copy);
    EXPECT_TRUE(alive(sleeper.pid()));
    EXPECT_EQ(or_throw(job.wait(20s)).status, 3);
    (void)sleeper.end();
}

TEST(CommandFaults, when_we_are_killed_the_program_reads_its_end_and_is_told_that_nobody_reads) {
    const TempDir dir;
    int told[2];
    ASSERT_EQ(::pipe2(told, O_CLOEXEC), 0);
    pid_t program = -1;
    {
        Child parent([&] {
            // It says its number, reads to the end, and then writes until it is told.
            auto job = or_throw(sh("cat >/dev/null; touch '" + (dir / "read-all") + "'; yes")
                                    .in(Source::bytes(std::string(1'000'000, 'x')))
                                    .start());
            const int pid = job.pid();
            if (::write(told[1], &pid, sizeof pid) != sizeof pid) return false;
            ::pause();
            return true;
        });
        ASSERT_EQ(::read(told[0], &program, sizeof program), static_cast<ssize_t>(sizeof program));
        EXPECT_TRUE(alive(program));
        parent.kill();
    }
    ::close(told[0]), ::close(told[1]);
    EXPECT_TRUE(ends(program)) << "its end came by itself: nothing of ours kept its pipes open";
    EXPECT_EQ(::access((dir / "read-all").c_str(), F_OK), 0);
}

// Nothing is there yet, or a program that reads the end of its input and ends by itself.
TEST(CommandFaults, killed_at_any_system_call_we_leave_no_program_that_waits_for_us) {
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    Child child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what we leave is found again
        const auto quiet = [] {              // an end that is told would end the stepping
            sigset_t one;
            sigemptyset(&one);
            sigaddset(&one, SIGCHLD);
            ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
        };
        const auto run = [] {
            auto c = Command({"cat"}).in(Source::bytes(std::string(200'000, 'x'))).err(Target::capture());
            (void)pipeline({std::move(c), Command({"cat"})}).run(20s);
        };
        const long all = calls(quiet, run);
        if (all < 40) return false;
        long left = 0;
        for (long i = 0; i <= all; ++i) {
            Stepped victim(quiet, run);
            victim.step_calls(i);
            victim.kill();
            siginfo_t info{};
            int r = 0;
            for (const Deadline soon = 10s; (r = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG)) == 0 && !soon.passed();
                 info = {})
                info.si_pid != 0 ? void(++left) : void(::usleep(500));
            if (r == 0) ADD_FAILURE() << "killed at stop " << i << " of " << all << ": a program is left";
        }
        EXPECT_GT(left, 10);
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok(60s));
}
