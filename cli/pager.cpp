#include "pager.hpp"

#include "wye/transport/pipe.hpp"

#include "terminal.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace wye::cli {
namespace {

std::vector<std::string> pager_words() {
    const char* pager = std::getenv("PAGER");
    std::istringstream in(pager ? pager : "less");
    std::vector<std::string> words;
    for (std::string w; in >> w;) words.push_back(w);
    return words;
}

bool fits(std::string_view text) {
    winsize w{};
    if (::ioctl(1, TIOCGWINSZ, &w) != 0 || w.ws_row == 0) return true;
    return std::ranges::count(text, '\n') < w.ws_row;
}

// False when the pager could not be started.
bool through_pager(std::string_view text) {
    auto words = pager_words();
    if (words.empty() || words[0] == "cat") return false;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    const Fd in(ends[0]);
    std::vector<char*> argv;
    for (auto& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    ::setenv("LESS", "FRX", 0);  // as git does: quit if it fits, keep colours, leave the text on the screen
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, ends[0], 0);
    ::posix_spawnattr_init(&attributes);
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes, &pipe);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    pid_t pid = -1;
    const bool started = ::posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ) == 0;
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    {
        PipeWriter out(Fd(ends[1]), {.framing = Framing::raw, .max_message = std::max<std::size_t>(1, text.size())});
        if (started) (void)out.send(bytes_of(text));  // a pager quit early has read enough
    }
    if (started) ::waitpid(pid, nullptr, 0);
    return started;
}

}  // namespace

void page_out(std::string_view text) {
    if (stdout_is_terminal() && !fits(text) && through_pager(text)) return;
    put(text);
}

}  // namespace wye::cli
