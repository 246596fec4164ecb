// What tests need again and again: other processes, temporary places, and the proof that nothing is left.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#ifdef __has_feature
#define WYE_HAS_FEATURE(x) __has_feature(x)
#else
#define WYE_HAS_FEATURE(x) 0
#endif

namespace wye::test {

// GCC has macros for it, clang 19 has features.
#if defined(__SANITIZE_THREAD__) || WYE_HAS_FEATURE(thread_sanitizer)
inline constexpr bool under_tsan = true;
#else
inline constexpr bool under_tsan = false;
#endif
#if defined(__SANITIZE_ADDRESS__) || WYE_HAS_FEATURE(address_sanitizer)
inline constexpr bool under_asan = true;
#else
inline constexpr bool under_asan = false;
#endif

/// A child process that runs `body` and exits 0 when it returned true. Ended by pid, and reaped, at the latest when
/// this is dropped. EXPECT_ in the child prints, but only its exit status reaches the parent: assert on ok().
class Child {
public:
    explicit Child(const std::function<bool()>& body);
    Child(Child&& o) noexcept : pid_(std::exchange(o.pid_, -1)), status_(o.status_) {}
    Child& operator=(Child&&) = delete;
    ~Child();
    pid_t pid() const { return pid_; }
    void kill();                    ///< SIGKILL, and reaped
    void signal(int number) const;  ///< SIGCONT ...; after SIGSTOP every thread of it stands still
    /// Waits for its end; false when it failed or did not end by the deadline (it is killed then).
    bool ok(Deadline = std::chrono::seconds(20));
    int exit_code() const;  ///< after ok(); -1 when it was ended by a signal

private:
    pid_t pid_;
    int status_ = -1;
};

/// A directory of its own, removed with everything in it.
class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// In a child: a tmpfs over `at` that nobody else sees, with these options ("size=1m"). False where this user may not.
bool own_tmpfs(const std::string& at, const char* options);

/// Sends a harmless signal to this process every 200 us while it lives: every blocking call sees EINTR.
class EintrStorm {
public:
    EintrStorm();
    ~EintrStorm();
    EintrStorm(const EintrStorm&) = delete;
    EintrStorm& operator=(const EintrStorm&) = delete;
};

std::vector<int> open_descriptors();

/// Every open descriptor but 0, 1, 2 that would survive an exec.
std::vector<int> inheritable_descriptors();

/// CPU time of this thread, to prove that a wait did not spin.
std::chrono::nanoseconds cpu_time();

/// A word for names that no other test run uses at the same time.
std::string unique_name(const std::string& prefix);

}  // namespace wye::test

/// For tests: the value of a Result, or a fatal failure with its message.
#define WYE_ASSERT_OK(...)                                         \
    do {                                                           \
        const auto& wye_r = (__VA_ARGS__);                         \
        ASSERT_TRUE(wye_r.has_value()) << wye_r.error().message(); \
    } while (false)
#define WYE_EXPECT_ERRC(expected, ...)                                                                      \
    do {                                                                                                    \
        const auto& wye_r = (__VA_ARGS__);                                                                  \
        if (wye_r.has_value())                                                                              \
            ADD_FAILURE() << "succeeded, expected " << ::wye::name(expected);                               \
        else                                                                                                \
            EXPECT_EQ(::wye::name(wye_r.error().kind()), ::wye::name(expected)) << wye_r.error().message(); \
    } while (false)
