// A program that runs: life, its bytes, its end.
#include "process/command/job.hpp"

#include "os/transfer.hpp"

#include <algorithm>

namespace wye {

namespace {
constexpr std::size_t part = 64 * 1024;  // what a pipe holds by default
}

Job::State::~State() {
    if (over || !ours()) return;
    kill();
    for (auto& p : processes) (void)p.wait(Deadline::never());
}

// What poll is to look at. The pidfds come last: a program's last words are read before its end is seen.
void Job::State::gather(std::vector<pollfd>& polls) const {
    polls.clear();
    for (const auto& f : flows)
        if (!(f.fd == nullptr)) polls.push_back({f.fd.get(), POLLIN, 0});
    for (std::size_t i = 0; i < processes.size(); ++i)
        if (!ended[i]) polls.push_back({processes[i].pidfd(), POLLIN, 0});
    if (ending)
        for (const auto& fd : tree.pidfds()) polls.push_back({fd.get(), POLLIN, 0});
    // Input alone is nothing to wait for: who reads it now is nobody we were asked to wait for.
    if (!polls.empty() && !(in == nullptr)) polls.push_back({in.get(), POLLOUT, 0});
}

Result<> Job::State::pump(Deadline d) {
    std::vector<pollfd> polls;
    std::vector<int> gone;  // of the tree: they have ended, and would be ready for ever
    for (int late = 0;;) {
        gather(polls);
        std::erase_if(polls, [&](const pollfd& p) { return std::ranges::find(gone, p.fd) != gone.end(); });
        if (std::ranges::none_of(polls, [](const pollfd& p) { return p.events & POLLIN; })) return {};
        const sys::Left left(d);
        const long r = sys::ppoll(polls.data(), polls.size(), left.get());
        if (r == 0) return fail(Errc::timed_out);
        if (r < 0 && r != -EINTR) return sys::fail(r, "ppoll");
        for (const auto& p : polls) {
            if (r < 0 || p.revents == 0) continue;
            if (!answered(p)) gone.push_back(p.fd);
            if (trouble && !ending) return std::unexpected(*trouble);
        }
        // Asked here too: a program that never stops writing is always ready.
        if (d.passed() && ++late > 16) return fail(Errc::timed_out);
    }
}

// False when the descriptor is none that changes here: one of the tree's.
bool Job::State::answered(const pollfd& p) {
    if (p.fd == in.get()) return feed(), true;
    for (auto& f : flows)
        if (f.fd.get() == p.fd) return drain(f), true;
    for (std::size_t i = 0; i < processes.size(); ++i)
        if (processes[i].pidfd() == p.fd) return ended[i] = true;
    return false;
}

void Job::State::feed() {
    const iovec v{const_cast<char*>(input->data()) + sent, input->size() - sent};
    const auto n = v.iov_len ? sys::write_some(in.get(), in_port, &v, 1, Deadline::now()) : std::size_t{0};
    if (n) sent += *n;
    // A program that does not read all of its input is its own affair.
    if (sent == input->size() || (!n && !n.error().is(Errc::timed_out))) in_port.release(), in.reset();
}

// False when nothing is there now.
bool Job::State::drain(Flow& f) {
    room.resize(part);
    const iovec v{room.data(), room.size()};
    const auto n = sys::read_some(f.fd.get(), f.port, &v, 1, Deadline::now());
    if (!n && n.error().is(Errc::timed_out)) return false;
    if (n && *n > 0 && deliver(f, Bytes(room).first(*n))) return true;
    f.port.release();
    f.fd.reset();
    return false;
}

bool Job::State::deliver(Flow& f, Bytes b) {
    auto& count = f.to ? captured : streamed;
    const auto limit = f.to ? capture_limit : stream_limit;
    const auto n = std::min(b.size(), limit - count);
    count += n;
    if (f.to)
        (output.*f.to).append(text_of(b.first(n)));
    else if (n > 0)
        if (auto r = f.sink(b.first(n)); !r) {
            if (!trouble) trouble = std::move(r).error();
            return false;
        }
    if (n == b.size()) return true;
    if (!trouble)
        trouble =
            Error::saying(Errc::too_big, "the output is more than the limit of " + std::to_string(limit) + " bytes");
    return false;
}

void Job::State::signal(int number) noexcept {
    for (auto& p : processes) (void)(foreground ? p.signal(number) : p.signal_group(number));
    tree.signal(number);
}

// Looked at first: a descendant that has left the group is found only as long as its parent lives.
void Job::State::kill() noexcept {
    for (const auto& p : processes) tree.look(p.pid());
    signal(SIGKILL);
}

Result<Exit> Job::State::end() {
    if (over) return output.exit;
    ending = true;
    in_port.release(), in.reset();
    if (trouble)  // it is not listened to any more
        for (auto& f : flows) f.port.release(), f.fd.reset();
    for (const auto& p : processes) tree.look(p.pid());
    signal(SIGTERM);
    signal(SIGCONT);  // a stopped one acts on it only then
    (void)pump(grace);
    kill();
    // SIGKILL was sent: they end, but for one that sleeps in a broken device.
    last_words();
    for (const auto& fd : tree.pidfds()) (void)sys::wait_ready(fd.get(), POLLIN, std::chrono::seconds(1));
    return finish();
}

// What lies in the pipes when those who wrote it are dead. Bounded: a survivor may write on.
void Job::State::last_words() {
    for (auto& f : flows)
        for (int i = 0; i < 16 && !(f.fd == nullptr) && drain(f); ++i) {}
}

Result<Exit> Job::State::finish() {
    for (std::size_t i = 0; i < processes.size(); ++i) {
        WYE_TRY(const auto exit, processes[i].wait(Deadline::never()));
        output.exits.push_back(exit);
    }
    over = true;
    in_port.release(), in.reset();
    for (auto& f : flows) f.port.release(), f.fd.reset();
    output.exit = output.exits.back();
    for (std::size_t i = output.exits.size() - 1; i-- > 0 && output.exit.ok();)
        if (const auto& e = output.exits[i]; !e.ok() && e.signal != SIGPIPE) output.exit = e;
    return output.exit;
}

Job::Job(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
Job::Job(Job&&) noexcept = default;
Job::~Job() = default;

Result<Exit> Job::wait(Deadline d) {
    auto& s = *state_;
    if (s.trouble && s.over) return std::unexpected(*s.trouble);
    if (s.over) return s.output.exit;
    const auto r = s.pump(d);
    if (r) return s.finish();
    if (!s.trouble) return std::unexpected(r.error());
    (void)s.end();
    return std::unexpected(*s.trouble);
}

Result<> Job::signal(int number) {
    if (state_->over) return fail(Errc::not_found, "kill");
    for (const auto& p : state_->processes) state_->tree.look(p.pid());
    state_->signal(number);
    return {};
}

Result<Exit> Job::end() { return state_->end(); }
bool Job::running() const noexcept { return !state_->over; }
int Job::pid() const noexcept { return state_->processes.back().pid(); }
const Output& Job::output() const noexcept { return state_->output; }
Output Job::take_output() noexcept { return std::move(state_->output); }

}  // namespace wye
