// Torn and damaged records, dead and crowding writers, full disks.
#include "wye/transport/file_log.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;
using wye::sys::Call;

namespace {

FileLog log_at(const std::string& path, Mode mode, Framing framing = Framing::frame) {
    return or_throw(FileLog::open(path, {.mode = mode, .create = Create::if_missing, .framing = framing}));
}

Result<std::string> next(FileLog& log, Deadline deadline = Deadline::now()) {
    static std::vector<std::byte> room(std::size_t{9} << 20);
    auto got = log.recv(room, deadline);
    if (!got) return std::unexpected(got.error());
    return std::string(text_of(*got));
}

std::uint64_t size_of(const std::string& path) { return std::filesystem::file_size(path); }

void overwrite(const std::string& path, std::uint64_t at, std::string_view bytes) {
    const Fd f(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(::pwrite(f.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
              static_cast<ssize_t>(bytes.size()));
}

// A whole record of these tests is one letter, many times.
bool is_lettered(const std::string& s) { return s.find_first_not_of(s.empty() ? 'x' : s[0]) == s.npos; }

// What a reader and the next writer make of a torn last record that begins at `place`.
void expect_mended(const std::string& path, FileLog& reader, std::uint64_t place, const std::string& when) {
    auto torn = next(reader, 1s);
    WYE_EXPECT_ERRC(Errc::corrupt, torn);
    if (!torn) {
        EXPECT_NE(torn.error().message().find("byte " + std::to_string(place)), std::string::npos)
            << torn.error().message();
    }
    WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
    auto writer = log_at(path, Mode::write);
    WYE_ASSERT_OK(writer.send(bytes_of("new")));
    EXPECT_EQ(writer.repaired(), 1u) << when;
    EXPECT_EQ(next(reader, 1s).value_or("nothing"), "new") << when;
    WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
    auto all = log_at(path, Mode::read);
    EXPECT_EQ(next(all).value_or("nothing"), "first") << when;
    EXPECT_EQ(next(all).value_or("nothing"), "new") << when;
}

}  // namespace

TEST(FileLogFaults, wherever_the_last_record_is_torn_the_next_writer_mends_it) {
    for (std::uint64_t left = 1; left < 50 + 12; ++left) {
        const TempDir dir;
        auto reader = log_at(dir / "l", Mode::read);
        auto writer = log_at(dir / "l", Mode::write);
        WYE_ASSERT_OK(writer.send(bytes_of("first")));
        const auto place = size_of(dir / "l");
        EXPECT_EQ(next(reader).value_or("nothing"), "first");
        WYE_ASSERT_OK(writer.send(bytes_of(std::string(50, 'x'))));
        std::filesystem::resize_file(dir / "l", place + left);
        expect_mended(dir / "l", reader, place, std::to_string(left));
    }
}

TEST(FileLogFaults, a_writer_killed_in_the_middle_of_a_record_stops_nobody) {
    for (const std::size_t written : {std::size_t{3}, std::size_t{100}, std::size_t{70'000}}) {
        const TempDir dir;
        auto reader = log_at(dir / "l", Mode::read);
        Child dies([&] {
            auto writer = log_at(dir / "l", Mode::write);
            if (!writer.send(bytes_of("first"))) return false;
            // Half a record, and then the call is interrupted for ever.
            const sys::Inject half{{.call = Call::writev, .nth = 1, .clip = written},
                                   {.call = Call::writev, .nth = 2, .times = 2'000'000'000, .error = EINTR}};
            return writer.send(bytes_of(std::string(1 << 20, 'x'))).has_value();
        });
        EXPECT_EQ(next(reader, 5s).value_or("nothing"), "first");
        const auto place = size_of(dir / "l") > 17 ? 17 : size_of(dir / "l");
        for (const Deadline end(5s); size_of(dir / "l") < place + written && !end.passed();) ::usleep(100);
        WYE_EXPECT_ERRC(Errc::timed_out, next(reader));  // its writer may be at it yet
        WYE_EXPECT_ERRC(Errc::timed_out, next(reader, 20ms));
        WYE_EXPECT_ERRC(Errc::timed_out, log_at(dir / "l", Mode::write).send(bytes_of("no"), 20ms));
        dies.kill();
        expect_mended(dir / "l", reader, 17, std::to_string(written));
    }
}

TEST(FileLogFaults, writers_killed_at_any_moment_leave_whole_records) {
    const TempDir dir;
    auto reader = log_at(dir / "l", Mode::read);
    std::uint64_t torn = 0, repaired = 0, records = 0;
    for (int round = 0; round < 30; ++round) {
        {
            Child dies([&] {
                auto writer = log_at(dir / "l", Mode::write);
                for (char c = 'a';; c = c == 'z' ? 'a' : static_cast<char>(c + 1))
                    if (!writer.send(bytes_of(std::string(300'000, c)))) return false;
            });
            const auto before = size_of(dir / "l");
            for (const Deadline end(5s); size_of(dir / "l") == before && !end.passed();) ::usleep(50);
            ::usleep(static_cast<useconds_t>(round * 37));
            dies.kill();
        }
        for (;;) {
            auto got = next(reader);
            if (got) {
                ++records;
                EXPECT_TRUE(got->size() == 300'000 && is_lettered(*got));
            } else if (got.error().is(Errc::corrupt)) {
                ++torn;
            } else {
                break;
            }
        }
        auto writer = log_at(dir / "l", Mode::write);
        WYE_ASSERT_OK(writer.send(bytes_of("new"), 1s));
        repaired += writer.repaired();
        EXPECT_EQ(next(reader).value_or("nothing"), "new");
    }
    EXPECT_EQ(torn, repaired);
    EXPECT_GT(records, 10u);
}

TEST(FileLogFaults, a_damaged_byte_is_said_once_and_the_next_record_arrives) {
    for (const std::size_t size : {std::size_t{100}, std::size_t{200'000}}) {
        const TempDir dir;
        auto writer = log_at(dir / "l", Mode::write);
        for (const char c : {'a', 'b', 'c'}) WYE_ASSERT_OK(writer.send(bytes_of(std::string(size, c))));
        overwrite(dir / "l", size + 12 + 8 + size / 2, "!");
        auto reader = log_at(dir / "l", Mode::read);
        EXPECT_EQ(next(reader).value_or("nothing"), std::string(size, 'a'));
        auto damaged = next(reader);
        WYE_EXPECT_ERRC(Errc::corrupt, damaged);
        if (!damaged) {
            EXPECT_NE(damaged.error().message().find("byte " + std::to_string(size + 12)), std::string::npos)
                << damaged.error().message();
        }
        EXPECT_EQ(next(reader).value_or("nothing"), std::string(size, 'c'));
        // Also as the last record it is not torn: nothing is cut, and writing goes on.
        overwrite(dir / "l", 2 * (size + 12) + 8, "!");
        auto second = log_at(dir / "l", Mode::write);
        WYE_ASSERT_OK(second.send(bytes_of("d")));
        EXPECT_EQ(second.repaired(), 0u);
        EXPECT_EQ(size_of(dir / "l"), 3 * (size + 12) + 13);
    }
}

TEST(FileLogFaults, a_damaged_length_stops_readers_there_and_refuses_writers) {
    for (const bool front : {true, false}) {
        const TempDir dir;
        {
            auto writer = log_at(dir / "l", Mode::write);
            for (int i = 0; i < 3; ++i) WYE_ASSERT_OK(writer.send(bytes_of("record")));
        }
        overwrite(dir / "l", front ? 18 : 18 + 14, std::string_view("\0\0\0\1", 4));
        overwrite(dir / "l", 3 * 18 - 4,
                  std::string_view("\0\0\0\2", 4));  // so that the last one must be looked for from the front
        const auto size = size_of(dir / "l");
        auto reader = log_at(dir / "l", Mode::read);
        EXPECT_EQ(next(reader).value_or("nothing"), "record");
        for (int i = 0; i < 2; ++i) WYE_EXPECT_ERRC(Errc::corrupt, next(reader));
        EXPECT_EQ(reader.position(), 18u);
        auto writer = log_at(dir / "l", Mode::write);
        WYE_EXPECT_ERRC(Errc::corrupt, writer.send(bytes_of("no")));
        EXPECT_EQ(size_of(dir / "l"), size);
        EXPECT_EQ(writer.repaired(), 0u);
    }
}

TEST(FileLogFaults, writers_never_interleave) {
    const TempDir dir;
    auto shared = log_at(dir / "l", Mode::write);  // by a forked pair, who must not share its lock
    constexpr unsigned writers = 4, records = 60;
    const auto write = [](FileLog& log, unsigned who) {
        // In pieces: else the kernel alone would keep most records whole.
        const sys::Inject pieces{{.call = Call::writev, .times = 2'000'000'000, .clip = 9000}};
        for (unsigned i = 0; i < records; ++i)
            if (!log.send(bytes_of(std::string(i % 10 == 0 ? 1 << 20 : 1 + i * 31, static_cast<char>('a' + who))), 10s))
                return false;
        return true;
    };
    std::vector<Child> all;
    for (unsigned who = 0; who < 2; ++who) all.emplace_back([&, who] { return write(shared, who); });
    for (unsigned who = 2; who < writers; ++who)
        all.emplace_back([&, who] {
            auto own = log_at(dir / "l", Mode::write);
            return write(own, who);
        });
    auto reader = log_at(dir / "l", Mode::read);
    unsigned seen[writers] = {};
    for (unsigned n = 0; n < writers * records; ++n) {
        auto got = next(reader, 10s);
        WYE_ASSERT_OK(got);
        ASSERT_TRUE(is_lettered(*got)) << "records are mixed";
        auto& i = seen[(*got)[0] - 'a'];
        ASSERT_EQ(got->size(), i % 10 == 0 ? 1u << 20 : 1u + i * 31);
        ++i;
    }
    for (auto& child : all) EXPECT_TRUE(child.ok());
}

namespace {

// One fault in the third record of a log, of which all first transfers are short.
bool third_record_under(sys::Fault fault, Framing framing) {
    const auto when = std::to_string(fault.error) + " at call " + std::to_string(fault.nth) + " of " +
                      std::to_string(static_cast<int>(fault.call));
    const TempDir dir;
    auto other = log_at(dir / "l", Mode::write, framing), writer = log_at(dir / "l", Mode::write, framing);
    EXPECT_TRUE(writer.send(bytes_of("first")));
    EXPECT_TRUE(other.send(bytes_of("second")));  // so that the writer must look at the end
    bool sent = false;
    {
        const sys::Inject faults{
            fault, {.call = Call::writev, .nth = 1, .clip = 7}, {.call = Call::pread, .nth = 1, .clip = 1}};
        sent = writer.send(bytes_of("third"), 1s).has_value();
    }
    auto again = other.send(bytes_of("last"), 1s);
    EXPECT_TRUE(again) << when << ": " << again.error().message();
    auto reader = log_at(dir / "l", Mode::read, framing);
    for (const std::string word : {"first", "second", "third", "last"})
        if (sent || word != "third") {
            EXPECT_EQ(next(reader).value_or("nothing"), word) << when;
        }
    WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
    EXPECT_EQ(other.repaired(), 0u) << when;
    return sent;
}

}  // namespace

TEST(FileLogFaults, a_call_that_fails_leaves_no_half_record) {
    unsigned failures = 0;
    for (const auto framing : {Framing::frame, Framing::lines})
        for (unsigned n = 1; n < 9;  // a record needs fewer of each
             ++n) {
            EXPECT_TRUE(third_record_under({.call = Call::writev, .nth = n, .clip = 3}, framing));
            for (const auto call : {Call::flock, Call::pread, Call::writev, Call::ftruncate})
                EXPECT_TRUE(third_record_under({.call = call, .nth = n, .error = EINTR}, framing));
            for (const auto call : {Call::lseek, Call::pread, Call::getrlimit, Call::writev})
                for (const int error : {ENOSPC, EFBIG, EIO})
                    failures += !third_record_under({.call = call, .nth = n, .error = error}, framing);
        }
    EXPECT_GE(failures, 20u);
}

TEST(FileLogFaults, a_torn_part_that_cannot_be_cut_off_is_told) {
    const TempDir dir;
    auto writer = log_at(dir / "l", Mode::write);
    WYE_ASSERT_OK(writer.send(bytes_of("first")));
    {
        const sys::Inject faults{{.call = Call::writev, .nth = 1, .clip = 3},
                                 {.call = Call::writev, .nth = 2, .error = ENOSPC},
                                 {.call = Call::ftruncate, .error = EIO}};
        auto sent = writer.send(bytes_of("second"));
        WYE_EXPECT_ERRC(Errc::exhausted, sent);
        if (!sent) {
            EXPECT_NE(sent.error().message().find("a torn part stays at byte 17"), std::string::npos)
                << sent.error().message();
        }
    }
    WYE_ASSERT_OK(writer.send(bytes_of("third")));
    EXPECT_EQ(writer.repaired(), 1u);
}

TEST(FileLogFaults, a_reader_bears_interruptions_and_short_reads) {
    const TempDir dir;
    for (const auto framing : {Framing::frame, Framing::lines}) {
        const auto path = dir / std::to_string(static_cast<int>(framing));
        auto writer = log_at(path, Mode::write, framing);
        for (const std::size_t n : {5u, 0u, 100'000u, 7u}) WYE_ASSERT_OK(writer.send(bytes_of(std::string(n, 'x'))));
        for (const auto fault : {sys::Fault{.call = Call::pread, .nth = 2, .times = 3, .error = EINTR},
                                 sys::Fault{.call = Call::pread, .times = 100'000, .clip = 1000}}) {
            auto reader = log_at(path, Mode::read, framing);
            const sys::Inject faults{fault};
            for (const std::size_t n : {5u, 0u, 100'000u, 7u}) EXPECT_EQ(next(reader).value_or("nothing").size(), n);
            EXPECT_GT(faults.hits(), 0u);
        }
    }
}

TEST(FileLogFaults, a_file_size_limit_is_an_error_and_no_signal) {
    for (const bool line : {false, true}) {
        const TempDir dir;
        const auto framing = line ? Framing::lines : Framing::frame;
        Child child([&] {
            auto writer = log_at(dir / "l", Mode::write, framing);
            if (!writer.send(bytes_of(std::string(50, 'a')))) return false;
            if (line) std::ofstream(dir / "l", std::ios::app) << "torn";
            const auto size = size_of(dir / "l");
            // Lowered only now, and for a line so that not even its end fits.
            const rlimit limit{.rlim_cur = line ? size : size + 30, .rlim_max = RLIM_INFINITY};
            if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
            for (int i = 0; i < 3; ++i) {
                auto sent = writer.send(bytes_of(std::string(100, 'b')));
                if (sent || !sent.error().is(Errc::exhausted)) return false;
            }
            sigset_t pending;
            ::sigpending(&pending);
            return size_of(dir / "l") == size && sigismember(&pending, SIGXFSZ) == 0;
        });
        EXPECT_TRUE(child.ok());
        auto reader = log_at(dir / "l", Mode::read, framing);
        EXPECT_EQ(next(reader).value_or("nothing"), std::string(50, 'a'));
    }
}

TEST(FileLogFaults, a_full_disk_takes_the_half_record_back) {
    const TempDir dir;
    std::ofstream(dir / "why");
    Child child([&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", dir.path().c_str(), "tmpfs", 0, "size=256k") != 0) {
            std::ofstream(dir / "why") << "no private mount: " << std::strerror(errno);
            return true;
        }
        auto writer = log_at(dir / "l", Mode::write);
        auto reader = log_at(dir / "l", Mode::read);
        if (!writer.send(bytes_of("first"))) return false;
        auto sent = writer.send(bytes_of(std::string(1 << 20, 'x')));
        if (sent || !sent.error().is(Errc::exhausted) || size_of(dir / "l") != 17) return false;
        return writer.send(bytes_of("small")).has_value() && next(reader).value_or("") == "first" &&
               next(reader).value_or("") == "small" && !next(reader) && writer.repaired() == 0;
    });
    EXPECT_TRUE(child.ok());
    std::string why;
    std::getline(std::ifstream(dir / "why"), why);
    if (!why.empty()) GTEST_SKIP() << why;
}

TEST(FileLogFaults, a_torn_line_is_ended_and_nobody_gets_it_twice) {
    const TempDir dir;
    auto reader = log_at(dir / "l", Mode::read, Framing::lines);
    auto first = log_at(dir / "l", Mode::write, Framing::lines);
    WYE_ASSERT_OK(first.send(bytes_of("one")));
    std::ofstream(dir / "l", std::ios::app) << "tor";
    EXPECT_EQ(next(reader).value_or("nothing"), "one");
    WYE_EXPECT_ERRC(Errc::corrupt, next(reader));
    WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
    auto writer = log_at(dir / "l", Mode::write, Framing::lines);
    WYE_ASSERT_OK(writer.send(bytes_of("two")));
    WYE_ASSERT_OK(first.send(bytes_of("three")));
    EXPECT_EQ(writer.repaired(), 1u);
    EXPECT_EQ(first.repaired(), 0u);
    EXPECT_EQ(next(reader).value_or("nothing"), "two");
    EXPECT_EQ(next(reader).value_or("nothing"), "three");
    WYE_EXPECT_ERRC(Errc::timed_out, next(reader));
    std::string all;
    std::getline(std::ifstream(dir / "l"), all, '\0');
    EXPECT_EQ(all, "one\ntor\ntwo\nthree\n");
}
