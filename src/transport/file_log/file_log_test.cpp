#include "wye/transport/file_log.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;

namespace {

struct Umask {
    explicit Umask(mode_t m) : before(::umask(m)) {}
    ~Umask() { ::umask(before); }
    mode_t before;
};

FileLog log_at(const std::string& path, Mode mode, Framing framing = Framing::frame) {
    return or_throw(FileLog::open(path, {.mode = mode, .create = Create::if_missing, .framing = framing}));
}

Result<std::string> next(FileLog& log, Deadline deadline = Deadline::now()) {
    static std::vector<std::byte> room(std::size_t{2} << 20);
    auto got = log.recv(room, deadline);
    if (!got) return std::unexpected(got.error());
    return std::string(text_of(*got));
}

std::string output_of(const std::string& command) {
    std::string all;
    FILE* p = ::popen(command.c_str(), "r");
    for (char part[4096]; const auto n = std::fread(part, 1, sizeof part, p);) all.append(part, n);
    return ::pclose(p) == 0 ? all : "failed: " + all;
}

}  // namespace

TEST(FileLog, every_reader_sees_every_record) {
    const TempDir dir;
    auto writer = log_at(dir / "l", Mode::write);
    auto one = log_at(dir / "l", Mode::read), two = log_at(dir / "l", Mode::read);
    const std::string words[] = {"a", "", std::string(200'000, 'b'), "c"};
    for (const auto& word : words) WYE_ASSERT_OK(writer.send(bytes_of(word)));
    for (auto* reader : {&one, &two}) {
        for (const auto& word : words) EXPECT_EQ(or_throw(next(*reader)), word);
        WYE_EXPECT_ERRC(Errc::timed_out, next(*reader));
    }
    EXPECT_EQ(one.position(), std::filesystem::file_size(dir / "l"));
}

TEST(FileLog, a_waiting_reader_is_woken_and_does_not_spin) {
    const TempDir dir;
    auto reader = log_at(dir / "l", Mode::read);
    Child late([&] {
        auto writer = log_at(dir / "l", Mode::write);
        for (int i = 0; i < 3; ++i) {
            ::usleep(40'000);
            if (!writer.send(bytes_of("late"))) return false;
        }
        return true;
    });
    const auto cpu = cpu_time();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(or_throw(next(reader, 5s)), "late");
    WYE_EXPECT_ERRC(Errc::timed_out, next(reader, 50ms));
    EXPECT_LT(cpu_time() - cpu, 20ms) << "the wait spun";
    EXPECT_TRUE(late.ok());
}

TEST(FileLog, a_forked_pair_of_readers_is_woken_both) {
    const TempDir dir;
    auto reader = log_at(dir / "l", Mode::read);
    auto writer = log_at(dir / "l", Mode::write);
    WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
    int turn[2];
    ASSERT_EQ(::pipe2(turn, O_CLOEXEC), 0);
    const auto follow = [&] {
        for (int i = 0; i < 50; ++i) {
            if (next(reader, 2s).value_or("") != std::to_string(i)) return false;
            if (::write(turn[1], "x", 1) != 1) return false;
        }
        return true;
    };
    Child one(follow), two(follow), three(follow);
    for (int i = 0; i < 50; ++i) {
        WYE_ASSERT_OK(writer.send(bytes_of(std::to_string(i))));
        EXPECT_EQ(or_throw(next(reader, 2s)), std::to_string(i));
        char c;
        for (int k = 0; k < 3; ++k) {
            pollfd p{.fd = turn[0], .events = POLLIN, .revents = 0};
            ASSERT_EQ(::poll(&p, 1, 3000), 1) << "a reader slept through record " << i;
            ASSERT_EQ(::read(turn[0], &c, 1), 1);
        }
    }
    EXPECT_TRUE(one.ok());
    EXPECT_TRUE(two.ok());
    EXPECT_TRUE(three.ok());
    ::close(turn[0]);
    ::close(turn[1]);
}

TEST(FileLog, from_the_end_only_the_new_is_read) {
    const TempDir dir;
    auto writer = log_at(dir / "l", Mode::write);
    WYE_ASSERT_OK(writer.send(bytes_of("old")));
    auto reader = or_throw(open("file:" + (dir / "l") + "?from=end", {.mode = Mode::read}));
    WYE_ASSERT_OK(writer.send(bytes_of("new")));
    std::byte room[16];
    EXPECT_EQ(text_of(or_throw(reader.recv(room, Deadline::now()))), "new");
}

TEST(FileLog, a_file_that_went_away_is_read_to_its_end_and_then_closed) {
    for (const std::string how : {"removed", "renamed", "replaced"}) {
        const TempDir dir;
        auto writer = log_at(dir / "l", Mode::write);
        auto reader = log_at(dir / "l", Mode::read);
        WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
        Child away([&] {
            ::usleep(30'000);
            if (!writer.send(bytes_of("last"))) return false;
            if (how == "removed") return ::unlink((dir / "l").c_str()) == 0;
            if (how == "renamed") return ::rename((dir / "l").c_str(), (dir / "m").c_str()) == 0;
            std::ofstream(dir / "new") << "";
            return ::rename((dir / "new").c_str(), (dir / "l").c_str()) == 0;
        });
        EXPECT_EQ(or_throw(next(reader, 5s)), "last") << how;
        WYE_EXPECT_ERRC(Errc::closed, next(reader, 5s));
        WYE_EXPECT_ERRC(Errc::closed, next(reader));
        EXPECT_TRUE(away.ok());
    }
}

namespace {
// For a signal handler, which runs when the reader's system call has returned: between any two of them.
int last_fd;
std::string last_path, last_record;
volatile sig_atomic_t last_done;
void append_and_remove(int) {
    last_done = ::write(last_fd, last_record.data(), last_record.size()) > 0 && ::unlink(last_path.c_str()) == 0;
}
}  // namespace

TEST(FileLog, a_record_written_just_before_the_removal_is_read) {
    const TempDir dir;
    {
        auto writer = log_at(dir / "pattern", Mode::write);
        WYE_ASSERT_OK(writer.send(bytes_of("last")));
        std::ifstream in(dir / "pattern", std::ios::binary);
        last_record.assign(std::istreambuf_iterator<char>(in), {});
    }
    last_path = dir / "l";
    struct sigaction ours{}, before{};
    ours.sa_handler = append_and_remove;
    ::sigaction(SIGALRM, &ours, &before);
    for (int i = 0; i < 200; ++i) {
        auto reader = log_at(last_path, Mode::read);
        const Fd out(::open(last_path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
        last_fd = out.get();
        last_done = 0;
        const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 100 + i % 37}};
        ::setitimer(ITIMER_REAL, &soon, nullptr);
        auto got = next(reader);
        const auto end = Deadline(5s);
        while (!got && got.error().is(Errc::timed_out) && !end.passed()) got = next(reader);
        ASSERT_TRUE(last_done);
        ASSERT_TRUE(got.has_value()) << "round " << i << ": " << got.error().message();
    }
    ::sigaction(SIGALRM, &before, nullptr);
}

TEST(FileLog, a_log_cut_below_the_reading_place_is_said_once_and_read_from_the_start) {
    const TempDir dir;
    auto writer = log_at(dir / "l", Mode::write);
    auto reader = log_at(dir / "l", Mode::read);
    for (const auto* word : {"one", "two"}) WYE_ASSERT_OK(writer.send(bytes_of(std::string_view(word))));
    for (const auto* word : {"one", "two"}) EXPECT_EQ(or_throw(next(reader)), word);
    ASSERT_EQ(::truncate((dir / "l").c_str(), 0), 0);
    WYE_EXPECT_ERRC(Errc::corrupt, next(reader, 1s));
    WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
    WYE_ASSERT_OK(writer.send(bytes_of("anew")));
    EXPECT_EQ(or_throw(next(reader)), "anew");
    EXPECT_EQ(writer.repaired(), 0u);
}

TEST(FileLog, only_a_regular_file_is_opened_and_nothing_else_touched) {
    const TempDir dir;
    std::ofstream(dir / "target") << "kept";
    std::filesystem::create_symlink(dir / "target", dir / "link");
    std::filesystem::create_symlink(dir / "nowhere", dir / "dangling");
    ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0640), 0);
    ASSERT_EQ(::mkdir((dir / "dir").c_str(), 0755), 0);
    const auto descriptors = open_descriptors();
    for (const auto* name : {"link", "dangling", "fifo", "dir"})
        for (const auto mode : {Mode::read, Mode::write, Mode::both})
            for (const auto create : {Create::never, Create::if_missing, Create::exclusive}) {
                struct stat before{}, after{};
                ASSERT_EQ(::lstat((dir / name).c_str(), &before), 0);
                EXPECT_FALSE(FileLog::open(dir / name, {.mode = mode, .create = create, .permissions = 0600})) << name;
                ASSERT_EQ(::lstat((dir / name).c_str(), &after), 0);
                EXPECT_EQ(before.st_mode, after.st_mode) << name;
                EXPECT_EQ(before.st_ino, after.st_ino) << name;
            }
    for (const auto* name : {"link", "fifo", "dir"}) WYE_EXPECT_ERRC(Errc::mismatch, FileLog::open(dir / name));
    WYE_EXPECT_ERRC(Errc::mismatch, remove("file:" + (dir / "link")));
    EXPECT_EQ(std::filesystem::file_size(dir / "target"), 4u);
    EXPECT_FALSE(std::filesystem::exists(dir / "nowhere"));
    EXPECT_EQ(open_descriptors(), descriptors);
    WYE_EXPECT_ERRC(Errc::not_found, FileLog::open(dir / "none"));
}

TEST(FileLog, permissions_are_what_was_asked_for_whatever_the_umask) {
    for (const mode_t mask : {mode_t{077}, mode_t{0}})
        for (const mode_t wanted : {mode_t{0600}, mode_t{0664}, mode_t{0666}}) {
            const TempDir dir;
            const Umask umask(mask);
            (void)or_throw(FileLog::open(dir / "l", {.create = Create::exclusive, .permissions = wanted}));
            struct stat s{};
            ASSERT_EQ(::stat((dir / "l").c_str(), &s), 0);
            EXPECT_EQ(s.st_mode & 07777, wanted);
            (void)or_throw(FileLog::open(dir / "l", {.create = Create::if_missing, .permissions = 0640}));
            ASSERT_EQ(::stat((dir / "l").c_str(), &s), 0);
            EXPECT_EQ(s.st_mode & 07777, wanted) << "an existing file keeps its permissions";
        }
}

TEST(FileLog, what_a_log_cannot_be_is_refused) {
    const TempDir dir;
    for (const auto framing : {Framing::raw, Framing::nul})
        WYE_EXPECT_ERRC(Errc::unsupported,
                        FileLog::open(dir / "l", {.create = Create::if_missing, .framing = framing}));
    for (const auto* bad : {"?framing=raw", "?framing=nul", "?max=0", "?max=2G", "?from=middle", "?frm=end"})
        WYE_EXPECT_ERRC(Errc::bad_address, open("file:" + (dir / "l") + bad, {.create = Create::if_missing}));
    WYE_EXPECT_ERRC(Errc::bad_address, open("file:"));
    EXPECT_FALSE(std::filesystem::exists(dir / "l"));
    auto reader = log_at(dir / "l", Mode::read);
    WYE_EXPECT_ERRC(Errc::unsupported, reader.send(bytes_of("x")));
    auto writer = log_at(dir / "l", Mode::write, Framing::lines);
    WYE_EXPECT_ERRC(Errc::unsupported, next(writer));
    WYE_EXPECT_ERRC(Errc::unsupported, writer.send(bytes_of("two\nlines")));
    EXPECT_EQ(std::filesystem::file_size(dir / "l"), 0u);
}

TEST(FileLog, on_a_network_file_system_it_is_refused_unless_asked_for) {
    const TempDir dir;
    const sys::Inject there{{.call = sys::Call::statfs, .times = 99, .answer = 0x6969}};
    for (const auto mode : {Mode::read, Mode::write, Mode::both}) {
        WYE_EXPECT_ERRC(Errc::unsupported, FileLog::open(dir / "l", {.mode = mode, .create = Create::if_missing}));
        EXPECT_FALSE(std::filesystem::exists(dir / "l"));
    }
    EXPECT_EQ(there.hits(), 3u);
    WYE_EXPECT_ERRC(Errc::unsupported, wye::make("file:" + dir / "l"));
    WYE_ASSERT_OK(wye::make("file:" + dir / "l" + "?remote"));
}

TEST(FileLog, the_largest_record_goes_and_one_byte_more_does_not) {
    for (const auto framing : {Framing::frame, Framing::lines})
        for (const std::size_t max : {std::size_t{10}, std::size_t{65'536}, std::size_t{300'000}}) {
            const TempDir dir;
            auto wide = log_at(dir / "l", Mode::write, framing);
            auto log = or_throw(FileLog::open(dir / "l", {.framing = framing, .max_message = max}));
            WYE_ASSERT_OK(log.send(bytes_of(std::string(max, 'a'))));
            WYE_EXPECT_ERRC(Errc::too_big, log.send(bytes_of(std::string(max + 1, 'a'))));
            WYE_ASSERT_OK(wide.send(bytes_of(std::string(max * 3, 'b'))));  // who writes it has another limit
            WYE_ASSERT_OK(log.send(bytes_of("c")));
            EXPECT_EQ(or_throw(next(log)).size(), max);
            WYE_EXPECT_ERRC(Errc::too_big, next(log));
            EXPECT_EQ(or_throw(next(log)), "c") << "the record that is too big is passed over";
            WYE_EXPECT_ERRC(Errc::timed_out, next(log));
        }
}

TEST(FileLog, a_buffer_that_is_too_small_loses_nothing) {
    for (const auto framing : {Framing::frame, Framing::lines})
        for (const std::size_t size : {std::size_t{20}, std::size_t{100'000}}) {
            const TempDir dir;
            auto log = log_at(dir / "l", Mode::both, framing);
            WYE_ASSERT_OK(log.send(bytes_of(std::string(size, 'a'))));
            std::byte small[10];
            WYE_EXPECT_ERRC(Errc::too_big, log.recv(small, Deadline::now()));
            EXPECT_EQ(or_throw(next(log)).size(), size);
        }
}

TEST(FileLog, tail_and_a_python_program_read_it) {
    const TempDir dir;
    auto lines = log_at(dir / "lines", Mode::write, Framing::lines), frames = log_at(dir / "frames", Mode::write);
    for (const auto* word : {"one", "two", "three"}) {
        WYE_ASSERT_OK(lines.send(bytes_of(std::string_view(word))));
        WYE_ASSERT_OK(frames.send(bytes_of(std::string_view(word))));
    }
    EXPECT_EQ(output_of("tail -n 2 " + (dir / "lines")), "two\nthree\n");
    if (std::system("python3 -c '' >/dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";
    std::ofstream(dir / "read.py") << R"(import struct, sys
data, at = open(sys.argv[1], "rb").read(), 0
while at < len(data):
    n, check = struct.unpack_from(">II", data, at)
    payload = data[at + 8 : at + 8 + n]
    assert len(payload) == n and struct.unpack_from(">I", data, at + 8 + n) == (n,)
    print(payload.decode())
    at += n + 12
)";
    EXPECT_EQ(output_of("python3 -I " + (dir / "read.py") + " " + (dir / "frames")), "one\ntwo\nthree\n");
}

TEST(FileLog, what_was_cut_off_under_a_slow_reader_is_not_taken_for_damage) {
    for (const std::size_t torn : {std::size_t{100}, std::size_t{200'000}}) {
        const TempDir dir;
        auto first = log_at(dir / "l", Mode::write);
        auto reader = log_at(dir / "l", Mode::read);
        WYE_ASSERT_OK(first.send(bytes_of("one")));
        WYE_ASSERT_OK(first.send(bytes_of("two")));
        WYE_ASSERT_OK(first.send(bytes_of(std::string(torn, 't'))));
        std::filesystem::resize_file(dir / "l", std::filesystem::file_size(dir / "l") - 5);
        EXPECT_EQ(or_throw(next(reader)), "one");  // the rest lies in its buffer
        auto second = log_at(dir / "l", Mode::write);
        WYE_ASSERT_OK(second.send(bytes_of(std::string(torn / 2, 'u'))));
        WYE_ASSERT_OK(second.send(bytes_of(std::string(torn, 'v'))));
        EXPECT_EQ(second.repaired(), 1u);
        EXPECT_EQ(or_throw(next(reader)), "two");
        EXPECT_EQ(or_throw(next(reader)), std::string(torn / 2, 'u'));
        EXPECT_EQ(or_throw(next(reader)), std::string(torn, 'v'));
        WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
    }
}
