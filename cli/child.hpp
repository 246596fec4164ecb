// A command that a verb runs and waits for, as env(1) and timeout(1) do.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace wye::cli {

constexpr int exit_cannot_run = 126, exit_no_command = 127;

/// Which signals were ignored when the verb began: the command is to find them so, whatever the verb does meanwhile.
class Dispositions {
public:
    Dispositions() noexcept;
    bool ignores(int signal) const noexcept;
    /// In the child, before exec.
    void restore() const noexcept;

private:
    unsigned long ignored_ = 0;  // a bit a signal
};

/// What is said, and answered, when exec of `program` failed with the errno.
int cannot_run(std::string_view verb, const std::string& program, int error);

/// Runs `argv` with our descriptors and waits for its end. SIGTERM, SIGINT, SIGHUP and SIGQUIT that others send us go
/// on to it; what the terminal sends it has already. If we are killed, it gets SIGTERM.
///
/// Answers its exit status, 128 + n when signal n ended it, 127 when there is no such command, 126 when it cannot be
/// run. For a process of one thread only.
int run_child(const char* verb, const std::vector<std::string>& argv, const Dispositions& before);

}  // namespace wye::cli
