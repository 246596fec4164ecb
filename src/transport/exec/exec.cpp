// A child process as the peer.
#include "wye/transport/exec.hpp"

#include "os/errno.hpp"
#include "os/spawn.hpp"
#include "os/syscall.hpp"

namespace wye {

using namespace std::chrono_literals;

struct Exec::Child {
    std::string name;
    FramedStream stream;
    sys::Process process;
};

Exec::Exec(std::unique_ptr<Child> c) noexcept : child_(std::move(c)) {}
Exec::Exec(Exec&&) noexcept = default;

Exec::~Exec() {
    if (!child_ || !child_->process.ours()) return;
    child_->stream =
        FramedStream(Fd(), Fd(), {});  // both pipes closed: it reads its end, or is told that nobody listens
    (void)child_->process.wait(1s);
}

Result<Exec> Exec::start(std::span<const std::string> argv, ExecOptions o) {
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    Fd to_read, to_write, from_read, from_write;
    if (o.mode != Mode::read) {
        if (const long r = sys::pipe2(to, 0); r < 0) return sys::fail(r, "pipe2");
        to_read = Fd(to[0]), to_write = Fd(to[1]);
    } else {
        const long r = sys::open("/dev/null", O_RDONLY);
        if (r < 0) return sys::fail(r, "open", "/dev/null");
        to_read = Fd(static_cast<int>(r));
    }
    if (o.mode != Mode::write) {
        if (const long r = sys::pipe2(from, 0); r < 0) return sys::fail(r, "pipe2");
        from_read = Fd(from[0]), from_write = Fd(from[1]);
    }
    WYE_TRY(auto process, sys::Process::start(argv, to_read.get(), from_write.get()));
    // Not shared: the program at the other end is the only one that holds the other ends.
    return Exec(std::make_unique<Child>(
        Child{argv[0], FramedStream(std::move(from_read), std::move(to_write), o.stream), std::move(process)}));
}

// "It closed" is told apart from "it failed" by how it ended. Its last words reach us a moment before its end does.
template <class T>
Result<T> Exec::judged(Result<T> r, Deadline deadline) {
    if (r || (!r.error().is(Errc::closed) && !r.error().is(Errc::peer_died))) return r;
    const auto exit = child_->process.wait(deadline.sooner(200ms));
    if (!exit || exit->ok()) return r;
    return refuse(Errc::peer_died, child_->name + ": " + exit->text());
}

Result<> Exec::send(Bytes b, Deadline d) { return judged(child_->stream.send(b, d), d); }
Result<MutBytes> Exec::recv(MutBytes into, Deadline d) { return judged(child_->stream.recv(into, d), d); }
Result<Bytes> Exec::recv_view(Deadline d) { return judged(child_->stream.recv_view(d), d); }

Result<> Exec::close_write() { return child_->stream.close_write(); }

Result<> Exec::finish(Deadline d) {
    WYE_CHECK(close_write());
    WYE_TRY(const auto exit, child_->process.wait(d));
    if (!exit.ok()) return refuse(Errc::peer_died, child_->name + ": " + exit.text());
    return {};
}

std::size_t Exec::max_message() const noexcept { return child_->stream.max_message(); }
int Exec::native_handle() const noexcept { return child_->stream.native_handle(); }
Channel::RawHandles Exec::raw_handles() const noexcept { return child_->stream.raw_handles(); }
int Exec::pid() const noexcept { return child_->process.pid(); }

namespace {

constexpr std::string_view example = "exec:sort -u?framing=lines";
constexpr Param params[] = {framing_param, max_param};

Result<std::vector<std::string>> words_of(const Uri& uri) {
    std::vector<std::string> words;
    auto rest = uri.raw_address();
    while (!rest.empty()) {
        const auto end = std::min(rest.find(' '), rest.size());
        if (end > 0) words.push_back(*percent_decode(rest.substr(0, end)));  // the parser has seen that it decodes
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (words.empty()) return uri.refuse("no program", example);
    return words;
}

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline) {
    WYE_TRY(const auto words, words_of(uri));
    ExecOptions o{.mode = how.mode};
    WYE_TRY(o.stream, stream_options(uri));
    WYE_TRY(auto exec, Exec::start(words, o));
    return Channel(std::move(exec));
}

}  // namespace

const Mechanism exec_mechanism{
    .traits = Exec::traits,
    .summary = "a child process: its standard input and output",
    .example = example,
    .params = params,
    .open = open,
    .started_peer = "fd:0,1",
};

}  // namespace wye
