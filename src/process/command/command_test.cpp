#include "wye/process/command.hpp"

#include "wye/registry/open.hpp"

#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <numeric>
#include <sstream>

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;

namespace {

bool no_child_left() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1;  // ECHILD: not one, dead or alive
}

Command sh(std::string script) { return Command({"sh", "-c", std::move(script)}); }

std::string slurp(const std::string& path) {
    std::ostringstream s;
    s << std::ifstream(path).rdbuf();
    return s.str();
}

std::string out_of(const Command& c) {
    auto o = c.run(20s);
    if (!o) return "<" + o.error().message() + ">";
    return o->exit.ok() ? o->out : "<" + o->exit.text() + ">";
}

}  // namespace

TEST(Command, sort_gets_its_input_and_we_its_output) {
    const auto o = or_throw(Command({"sort", "-u"}).in(Source::bytes("b\na\nb\n")).run(20s));
    EXPECT_TRUE(o.exit.ok());
    EXPECT_EQ(o.out, "a\nb\n");
    EXPECT_TRUE(no_child_left());
}

TEST(Command, I7_no_shell_sees_the_words) {
    const std::vector<std::string> words = {";",   "$(id)", "`id`", "a b", "*",        "| cat",
                                            "'\"", "",      "-n",   "\n",  "\xff\x01", "&"};
    std::vector<std::string> argv = {"printf", "%s\\0"};
    std::string expected;
    for (const auto& w : words) argv.push_back(w), expected += w + '\0';
    EXPECT_EQ(out_of(Command(argv)), expected);
}

TEST(Command, a_word_with_a_zero_byte_is_refused) {
    using namespace std::string_literals;
    WYE_EXPECT_ERRC(Errc::bad_address, Command({"printf", "a\0b"s}).run(5s));
    WYE_EXPECT_ERRC(Errc::bad_address, Command({}).run(5s));
    WYE_EXPECT_ERRC(Errc::bad_address, Command({""}).run(5s));
    WYE_EXPECT_ERRC(Errc::bad_address, Command({"true"}).env("A=B", "c").run(5s));
    WYE_EXPECT_ERRC(Errc::bad_address, Command({"true"}).env("", "c").run(5s));
    WYE_EXPECT_ERRC(Errc::bad_address, Command({"true"}).env("A", "b\0c"s).run(5s));
    WYE_EXPECT_ERRC(Errc::bad_address, Command({"true"}).in(Source::file("/dev/null\0x"s)).run(5s));
}

TEST(Command, the_environment_is_inherited_cleared_or_kept_by_name) {
    ::setenv("WYE_TEST_A", "a", 1);
    ::setenv("WYE_TEST_B", "b", 1);
    EXPECT_NE(out_of(Command({"env"})).find("WYE_TEST_A=a\n"), std::string::npos);
    const auto given = out_of(Command({"env"}).env("WYE_TEST_A", "x=y z").env("WYE_TEST_C", ""));
    EXPECT_NE(given.find("WYE_TEST_A=x=y z\n"), std::string::npos);
    EXPECT_EQ(given.find("WYE_TEST_A=a"), std::string::npos);
    EXPECT_NE(given.find("WYE_TEST_B=b\n"), std::string::npos);
    EXPECT_NE(given.find("WYE_TEST_C=\n"), std::string::npos);
    EXPECT_EQ(out_of(Command({"env"}).clear_env()), "");
    EXPECT_EQ(out_of(Command({"env"}).clear_env().env("ONLY", "this")), "ONLY=this\n");
    EXPECT_EQ(out_of(Command({"env"}).keep_env("WYE_TEST_B").keep_env("WYE_TEST_UNSET")), "WYE_TEST_B=b\n");
    ::unsetenv("WYE_TEST_A");
    ::unsetenv("WYE_TEST_B");
}

TEST(Command, its_own_name_and_its_directory) {
    const TempDir dir;
    EXPECT_EQ(out_of(sh("echo $0").arg0("not-sh")), "not-sh\n");
    EXPECT_EQ(out_of(Command({"pwd", "-P"}).directory(dir.path())), dir.path() + "\n");
    const auto missing = Command({"true"}).directory(dir / "none").run(5s);
    WYE_EXPECT_ERRC(Errc::not_found, missing);
    EXPECT_NE(missing.error().message().find(dir / "none"), std::string::npos) << "it names the directory";
    WYE_EXPECT_ERRC(Errc::mismatch, Command({"true"}).directory("/dev/null").run(5s));
}

TEST(Command, no_such_program_and_one_that_may_not_be_run) {
    const TempDir dir;
    std::ofstream(dir / "plain") << "echo a shell ran me\n";
    const auto before = open_descriptors();
    WYE_EXPECT_ERRC(Errc::not_found, Command({"no-such-program-anywhere"}).in(Source::bytes("x")).run(5s));
    WYE_EXPECT_ERRC(Errc::denied, Command({dir / "plain"}).run(5s));
    ::chmod((dir / "plain").c_str(), 0755);
    // ENOEXEC: execvp(3) would hand it to a shell.
    WYE_EXPECT_ERRC(Errc::failed, Command({dir / "plain"}).run(5s));
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(no_child_left());
}

TEST(Command, the_end_is_exact) {
    EXPECT_EQ(or_throw(sh("exit 127").run(20s)).exit.status, 127) << "a status of its own, not a missing program";
    EXPECT_EQ(or_throw(sh("exit 255").run(20s)).exit.status, 255);
    for (const int n : {SIGKILL, SIGSEGV, SIGTERM, SIGPIPE}) {
        const auto o = or_throw(sh("ulimit -c 0; kill -" + std::to_string(n) + " $$").run(20s));
        EXPECT_EQ(o.exit.signal, n);
        EXPECT_FALSE(o.exit.ok());
    }
}

TEST(Command, files_null_and_where_errors_go) {
    const TempDir dir;
    std::ofstream(dir / "in") << "from a file";
    ASSERT_EQ(out_of(Command({"cat"}).in(Source::file(dir / "in"))), "from a file");
    EXPECT_EQ(out_of(Command({"cat"})), "") << "/dev/null unless said otherwise";
    EXPECT_EQ(out_of(Command({"echo", "one"}).out(Target::file(dir / "out"))), "");
    EXPECT_EQ(slurp(dir / "out"), "one\n");
    EXPECT_EQ(out_of(Command({"echo", "two"}).out(Target::file(dir / "out", true))), "");
    EXPECT_EQ(slurp(dir / "out"), "one\ntwo\n");
    const auto both = or_throw(sh("echo o; echo e >&2").err(Target::capture()).run(20s));
    EXPECT_EQ(both.out, "o\n");
    EXPECT_EQ(both.err, "e\n");
    EXPECT_EQ(out_of(sh("echo o; echo e >&2").err(Target::output())), "o\ne\n");
    EXPECT_EQ(out_of(sh("echo o; echo e >&2").out(Target::null()).err(Target::null())), "");
    WYE_EXPECT_ERRC(Errc::not_found, Command({"cat"}).in(Source::file(dir / "none")).run(5s));
    WYE_EXPECT_ERRC(Errc::bad_address, Command({"cat"}).out(Target::output()).run(5s));
}

TEST(Command, descriptors_and_endpoints) {
    auto pair = or_throw(open_pair("pipe:?framing=lines"));
    const auto o = or_throw(Command({"printf", "one\\ntwo\\n"}).out(Target::endpoint(pair.second)).run(20s));
    EXPECT_TRUE(o.exit.ok());
    std::byte room[64];
    EXPECT_EQ(text_of(or_throw(pair.first.recv(room, 5s))), "one");
    EXPECT_EQ(text_of(or_throw(pair.first.recv(room, 5s))), "two");
    auto back = or_throw(open_pair("pipe:?framing=lines"));
    WYE_ASSERT_OK(back.second.send(bytes_of("hello"), 5s));
    back.second.close();
    EXPECT_EQ(out_of(Command({"cat"}).in(Source::endpoint(back.first))), "hello\n");
    WYE_EXPECT_ERRC(Errc::unsupported, Command({"cat"}).in(Source::descriptor(-1)).run(5s));
}

TEST(Command, ends_that_lie_on_0_1_and_2_do_not_overwrite_each_other) {
    Child child([] {
        int forth[2];
        if (::pipe(forth) != 0) return false;
        const TempDir dir;
        std::ofstream(dir / "out") << "";
        // Our 0 is where its output shall go, our 1 where its input comes from.
        const int out = ::open((dir / "out").c_str(), O_WRONLY | O_CLOEXEC);
        ::dup2(out, 0);
        ::dup2(forth[0], 1);
        if (::write(forth[1], "crossed", 7) != 7) return false;
        ::close(forth[1]);
        const auto o = Command({"cat"}).in(Source::descriptor(1)).out(Target::descriptor(0)).run(20s);
        return o && o->exit.ok() && slurp(dir / "out") == "crossed";
    });
    EXPECT_TRUE(child.ok());
}

TEST(Command, I6_no_sizes_deadlock) {
    std::string big(5'000'000, '\0');
    std::iota(big.begin(), big.end(), char{1});
    const auto o = or_throw(sh("tee /dev/stderr").in(Source::bytes(big)).err(Target::capture()).run(50s));
    EXPECT_TRUE(o.out == big);
    EXPECT_TRUE(o.err == big);
    // It writes everything before it reads anything.
    const auto late = or_throw(sh("head -c 1000000 /dev/zero; cat").in(Source::bytes(big)).run(50s));
    EXPECT_EQ(late.out.size(), big.size() + 1'000'000);
}

TEST(Command, input_that_is_not_read_is_no_error_and_no_sigpipe) {
    const auto o = or_throw(Command({"head", "-c", "3"}).in(Source::bytes(std::string(3'000'000, 'x'))).run(20s));
    EXPECT_EQ(o.out, "xxx");
    EXPECT_TRUE(or_throw(Command({"true"}).in(Source::bytes(std::string(3'000'000, 'x'))).run(20s)).exit.ok());
}

TEST(Command, output_is_streamed_as_it_comes) {
    std::string got;
    auto job = or_throw(Command({"cat"})
                            .in(Source::bytes("streamed"))
                            .out(Target::stream([&](Bytes b) -> Result<> {
                                got += text_of(b);
                                return {};
                            }))
                            .start());
    EXPECT_TRUE(or_throw(job.wait(20s)).ok());
    EXPECT_EQ(got, "streamed");
    EXPECT_EQ(job.output().out, "");
    // A sink that wants no more ends the program, and its error is the answer.
    const auto r = Command({"yes"}).out(Target::stream([](Bytes) { return Result<>(fail(Errc::closed)); })).run(20s);
    WYE_EXPECT_ERRC(Errc::closed, r);
    EXPECT_TRUE(no_child_left());
}

TEST(Command, output_beyond_the_limit_ends_the_run_with_what_came_before) {
    Output o;
    WYE_EXPECT_ERRC(Errc::too_big, Command({"yes"}).limit_output(100'000).run_into(o, 20s));
    EXPECT_EQ(o.out.size(), 100'000u);
    EXPECT_EQ(o.out.substr(0, 4), "y\ny\n");
    EXPECT_NE(o.exit.signal, 0);
    EXPECT_TRUE(no_child_left());
    // Exactly the limit is no more than the limit; out and err count together.
    EXPECT_EQ(out_of(Command({"printf", "12345"}).limit_output(5)), "12345");
    WYE_EXPECT_ERRC(Errc::too_big,
                    sh("printf 123; printf 456 >&2").err(Target::capture()).limit_output(5).run_into(o, 20s));
    EXPECT_EQ(o.out.size() + o.err.size(), 5u);
    std::size_t streamed = 0;
    const auto count = [&](Bytes b) -> Result<> { return streamed += b.size(), Result<>(); };
    WYE_EXPECT_ERRC(Errc::too_big, Command({"yes"}).out(Target::stream(count)).limit_output(70'000).run(20s));
    EXPECT_EQ(streamed, 70'000u);
}

TEST(Command, a_pipeline) {
    const auto o =
        or_throw(pipeline({Command({"printf", "b\\na\\nb\\n"}), Command({"sort"}), Command({"uniq", "-c"})}).run(20s));
    EXPECT_TRUE(o.exit.ok());
    EXPECT_EQ(o.exits.size(), 3u);
    EXPECT_EQ(o.out, "      1 a\n      2 b\n");
    const std::string big(3'000'000, 'x');
    const auto through =
        or_throw(pipeline({Command({"cat"}).in(Source::bytes(big)), Command({"cat"}), Command({"cat"})}).run(50s));
    EXPECT_TRUE(through.out == big);
    EXPECT_TRUE(no_child_left());
}

TEST(Command, how_a_pipeline_ended) {
    const auto enough = or_throw(pipeline({Command({"yes"}), Command({"head", "-n", "1"})}).run(20s));
    EXPECT_EQ(enough.out, "y\n");
    EXPECT_TRUE(enough.exit.ok());
    EXPECT_EQ(enough.exits[0].signal, SIGPIPE);
    const auto failed = or_throw(pipeline({sh("exit 3"), sh("exit 4"), Command({"cat"})}).run(20s));
    EXPECT_EQ(failed.exit.status, 4);
    EXPECT_TRUE(failed.exits[2].ok());
    const auto before = open_descriptors();
    WYE_EXPECT_ERRC(Errc::not_found, pipeline({Command({"yes"}), Command({"no-such-program-anywhere"})}).run(20s));
    WYE_EXPECT_ERRC(Errc::bad_address, pipeline({}).run(20s));
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_TRUE(no_child_left());
}

TEST(Command, a_job_is_waited_for_in_steps) {
    auto job = or_throw(Command({"cat"}).in(Source::bytes("x")).start());
    EXPECT_GT(job.pid(), 0);
    EXPECT_TRUE(or_throw(job.wait(20s)).ok());
    EXPECT_FALSE(job.running());
    EXPECT_TRUE(or_throw(job.wait(Deadline::now())).ok()) << "the same answer ever after";
    auto sleeper = or_throw(Command({"sleep", "60"}).start());
    WYE_EXPECT_ERRC(Errc::timed_out, sleeper.wait(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, sleeper.wait(10ms));
    EXPECT_TRUE(sleeper.running());
    WYE_ASSERT_OK(sleeper.signal(SIGTERM));
    EXPECT_EQ(or_throw(sleeper.wait(20s)).signal, SIGTERM);
    WYE_EXPECT_ERRC(Errc::not_found, sleeper.signal(SIGTERM));
    auto endless = or_throw(Command({"yes"}).start());
    WYE_EXPECT_ERRC(Errc::timed_out, endless.wait(Deadline::now()));
}
