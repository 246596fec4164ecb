#include "wye/transport/fifo.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;
using wye::sys::Call;

namespace {

mode_t mode_of(const std::string& path) {
    struct stat s{};
    return ::lstat(path.c_str(), &s) == 0 ? s.st_mode : 0;
}

bool exists(const std::string& path) { return mode_of(path) != 0; }

struct Umask {
    explicit Umask(mode_t m) : before(::umask(m)) {}
    ~Umask() { ::umask(before); }
    mode_t before;
};

}  // namespace

TEST(Fifo, a_message_goes_between_strangers) {
    const TempDir dir;
    const auto path = dir / "f";
    WYE_ASSERT_OK(make_fifo(path));
    Child child([&] {
        auto w = or_throw(FifoWriter::open(path, {}, 5s));
        return w.send(bytes_of("hello")).has_value() && w.send(bytes_of(std::string(100'000, 'x'))).has_value();
    });
    auto r = or_throw(FifoReader::open(path));
    std::vector<std::byte> room(r.max_message());
    EXPECT_EQ(text_of(or_throw(r.recv(room, 5s))), "hello");
    EXPECT_EQ(or_throw(r.recv(room, 5s)).size(), 100'000u);
    WYE_EXPECT_ERRC(Errc::closed, r.recv(room, 5s));
    EXPECT_TRUE(child.ok());
}

TEST(Fifo, before_the_first_writer_the_reader_waits_and_does_not_see_an_end) {
    const TempDir dir;
    const auto path = dir / "f";
    auto r = or_throw(FifoReader::open(path, {.create = Create::if_missing}));
    std::byte room[64];
    WYE_EXPECT_ERRC(Errc::timed_out, r.recv(room, Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, r.recv_view(Deadline::now()));
    const auto cpu = cpu_time();
    WYE_EXPECT_ERRC(Errc::timed_out, r.recv(room, 50ms));
    EXPECT_LT(cpu_time() - cpu, 10ms) << "the wait spun";
    Child late([&] {
        ::usleep(50'000);
        auto w = or_throw(FifoWriter::open(path, {}, 5s));
        return w.send(bytes_of("late")).has_value();
    });
    EXPECT_EQ(text_of(or_throw(r.recv(room, 5s))), "late");
    WYE_EXPECT_ERRC(Errc::closed, r.recv(room, 5s));
    EXPECT_TRUE(late.ok());
}

TEST(Fifo, a_writer_that_came_and_left_without_a_word_is_an_end) {
    const TempDir dir;
    auto r = or_throw(FifoReader::open(dir / "f", {.create = Create::if_missing}));
    (void)or_throw(FifoWriter::open(dir / "f", {}, Deadline::now()));
    std::byte room[64];
    WYE_EXPECT_ERRC(Errc::closed, r.recv(room, 1s));
}

TEST(Fifo, after_an_end_a_new_writer_is_heard) {
    const TempDir dir;
    auto r = or_throw(FifoReader::open(dir / "f", {.create = Create::if_missing}));
    std::byte room[64];
    for (const auto* word : {"one", "two"}) {
        auto w = or_throw(FifoWriter::open(dir / "f"));
        WYE_ASSERT_OK(w.send(bytes_of(std::string_view(word))));
        WYE_ASSERT_OK(w.close_write());
        EXPECT_EQ(text_of(or_throw(r.recv(room, 1s))), word);
        WYE_EXPECT_ERRC(Errc::closed, r.recv(room, 1s));
    }
}

TEST(Fifo, a_reader_that_keeps_goes_on_waiting_when_the_last_writer_leaves) {
    const TempDir dir;
    auto r = or_throw(FifoReader::open(dir / "f", {.create = Create::if_missing, .keep = true}));
    std::byte room[64];
    for (const auto* word : {"one", "two", "three"}) {
        {
            auto w = or_throw(FifoWriter::open(dir / "f"));
            WYE_ASSERT_OK(w.send(bytes_of(std::string_view(word))));
        }
        EXPECT_EQ(text_of(or_throw(r.recv(room, 1s))), word);
        WYE_EXPECT_ERRC(Errc::timed_out, r.recv(room, Deadline::now()));
        const auto cpu = cpu_time();
        WYE_EXPECT_ERRC(Errc::timed_out, r.recv(room, 30ms));
        EXPECT_LT(cpu_time() - cpu, 10ms) << "the wait spun";
    }
}

TEST(Fifo, a_writer_waits_for_a_reader_until_its_deadline) {
    const TempDir dir;
    const auto path = dir / "f";
    WYE_ASSERT_OK(make_fifo(path));
    WYE_EXPECT_ERRC(Errc::timed_out, FifoWriter::open(path, {}, Deadline::now()));
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, FifoWriter::open(path, {}, 60ms));
    const auto took = Deadline::Clock::now() - start;
    EXPECT_GE(took, 60ms);
    EXPECT_LT(took, 200ms);
    Child reader([&] {
        ::usleep(30'000);
        auto r = or_throw(FifoReader::open(path));
        std::byte room[64];
        return text_of(or_throw(r.recv(room, 5s))) == "met";
    });
    const EintrStorm storm;
    auto w = or_throw(FifoWriter::open(path, {}, 5s));
    WYE_ASSERT_OK(w.send(bytes_of("met")));
    EXPECT_TRUE(reader.ok());
}

TEST(Fifo, a_writer_without_a_reader_is_closed_and_gets_no_sigpipe) {
    const TempDir dir;
    auto r = std::make_unique<FifoReader>(or_throw(FifoReader::open(dir / "f", {.create = Create::if_missing})));
    Child child([&] {
        ::signal(SIGPIPE, SIG_DFL);
        auto w = or_throw(FifoWriter::open(dir / "f", {}, 1s));
        r.reset();  // the child's copy; the parent's was the last
        ::usleep(50'000);
        WYE_EXPECT_ERRC(Errc::closed, w.send(bytes_of("x"), 1s));
        WYE_EXPECT_ERRC(Errc::closed, w.send(bytes_of("x")));
        return true;
    });
    ::usleep(25'000);
    r.reset();
    EXPECT_TRUE(child.ok());
}

TEST(Fifo, what_is_not_a_fifo_is_neither_waited_for_nor_changed) {
    const TempDir dir;
    std::ofstream(dir / "file") << "precious";
    std::filesystem::create_directory(dir / "dir");
    for (const auto& path : {dir / "file", dir / "dir", std::string("/dev/null")}) {
        WYE_EXPECT_ERRC(Errc::mismatch, FifoReader::open(path));
        WYE_EXPECT_ERRC(Errc::mismatch, FifoWriter::open(path, {}, 1s));
        WYE_EXPECT_ERRC(Errc::mismatch, FifoReader::open(path, {.create = Create::if_missing}));
        WYE_EXPECT_ERRC(Errc::mismatch, make_fifo(path, Create::if_missing));
        WYE_EXPECT_ERRC(Errc::mismatch, wye::remove("fifo:" + path));
    }
    std::string kept;
    std::ifstream(dir / "file") >> kept;
    EXPECT_EQ(kept, "precious");
    WYE_EXPECT_ERRC(Errc::not_found, FifoReader::open(dir / "absent"));
    WYE_EXPECT_ERRC(Errc::not_found, FifoWriter::open(dir / "absent", {}, 1s));
    WYE_EXPECT_ERRC(Errc::not_found, wye::remove("fifo:" + (dir / "absent")));
}

TEST(Fifo, permissions_are_exactly_those_asked_for) {
    const TempDir dir;
    for (const mode_t mask : {0000u, 0022u, 0777u})
        for (const unsigned wanted : {0600u, 0666u, 0622u}) {
            const Umask umask(mask);
            const auto path = dir / (std::to_string(mask) + "-" + std::to_string(wanted));
            WYE_ASSERT_OK(make_fifo(path, Create::exclusive, wanted));
            EXPECT_EQ(mode_of(path) & 07777, wanted);
        }
}

TEST(Fifo, creating_exclusively_refuses_what_is_there_and_if_missing_takes_it) {
    const TempDir dir;
    const auto uri = "fifo:" + (dir / "f");
    WYE_ASSERT_OK(make(uri));
    WYE_EXPECT_ERRC(Errc::already_exists, make(uri));
    WYE_EXPECT_ERRC(Errc::already_exists, FifoReader::open(dir / "f", {.create = Create::exclusive}));
    WYE_ASSERT_OK(make(uri, {.create = Create::if_missing}));
    WYE_ASSERT_OK(wye::remove(uri));
    EXPECT_FALSE(exists(dir / "f"));
}

TEST(Fifo, an_open_that_fails_half_way_leaves_nothing) {
    const TempDir dir;
    const auto path = dir / "f";
    const auto before = open_descriptors();
    const Umask umask(0777);  // so that the mode must be set as well
    unsigned failures = 0;
    for (const auto call : {Call::open, Call::fstat, Call::fcntl, Call::mkfifo, Call::chmod})
        for (const int error : {EMFILE, EACCES, EIO})
            for (const bool reads : {true, false})
                for (unsigned n = 1; n < 40; ++n) {
                    const sys::Inject fault({{.call = call, .nth = n, .error = error}});
                    const bool ok =
                        reads ? FifoReader::open(path, {.create = Create::exclusive, .keep = true}).has_value()
                              : FifoWriter::open(path, {.create = Create::exclusive}, 5ms).has_value();
                    EXPECT_EQ(exists(path), ok) << "call " << int(call) << ", " << n << ": " << error;
                    ::unlink(path.c_str());
                    EXPECT_EQ(open_descriptors(), before) << "call " << int(call) << ", " << n;
                    if (fault.hits() == 0) break;
                    ++failures;
                }
    EXPECT_GT(failures, 40u);
}

TEST(Fifo, both_directions_at_once_are_refused_with_the_advice_to_choose) {
    const TempDir dir;
    WYE_ASSERT_OK(make_fifo(dir / "f"));
    const auto r = wye::open("fifo:" + (dir / "f"));
    WYE_EXPECT_ERRC(Errc::unsupported, r);
    EXPECT_NE(r.error().message().find("choose"), std::string::npos) << r.error().message();
    WYE_EXPECT_ERRC(Errc::bad_address, wye::open("fifo:" + (dir / "f") + "?keep", {.mode = Mode::write}));
    WYE_EXPECT_ERRC(Errc::bad_address, wye::open("fifo:", {.mode = Mode::read}));
    WYE_EXPECT_ERRC(Errc::bad_address, wye::open("fifo:" + (dir / "f") + "?keep=yes", {.mode = Mode::read}));
    WYE_EXPECT_ERRC(Errc::bad_address, wye::open("fifo:" + (dir / "f") + "?kep", {.mode = Mode::read}));
}

TEST(Fifo, the_description_is_blocking_again_and_closed_on_exec) {
    const TempDir dir;
    auto r = or_throw(FifoReader::open(dir / "f", {.create = Create::if_missing, .keep = true}));
    auto w = or_throw(FifoWriter::open(dir / "f"));
    for (const int fd : {r.native_handle(), w.native_handle()}) {
        EXPECT_EQ(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
        EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    }
}

TEST(Fifo, cat_writes_to_it_and_reads_from_it) {
    const TempDir dir;
    const auto path = dir / "f";
    WYE_ASSERT_OK(make_fifo(path));
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i) + "\n";
    std::ofstream(dir / "in") << text;
    const auto cat = [](const std::string& from, const std::string& to) {
        return Child([=] {
            const int in = ::open(from.c_str(), O_RDONLY), out = ::open(to.c_str(), O_WRONLY | O_CREAT, 0600);
            ::dup2(in, 0);
            ::dup2(out, 1);
            ::execlp("cat", "cat", nullptr);
            return false;
        });
    };
    {
        auto r = or_throw(wye::open("fifo:" + path + "?framing=raw", {.mode = Mode::read}));
        auto child = cat(dir / "in", path);
        std::string got;
        std::byte room[4096];
        for (;;) {
            auto part = r.recv(room, 5s);
            if (!part) {
                WYE_EXPECT_ERRC(Errc::closed, part);
                break;
            }
            got += text_of(*part);
        }
        EXPECT_TRUE(got == text);
        EXPECT_TRUE(child.ok());
    }
    auto child = cat(path, dir / "out");
    {
        auto w = or_throw(wye::open("fifo:" + path + "?framing=raw", {.mode = Mode::write}, 5s));
        WYE_ASSERT_OK(w.send(bytes_of(text), 5s));
    }
    EXPECT_TRUE(child.ok());
    std::string got{std::istreambuf_iterator<char>(std::ifstream(dir / "out").rdbuf()), {}};
    EXPECT_TRUE(got == text);
}
