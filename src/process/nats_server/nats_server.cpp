// A nats-server with a configuration of ours: life, signals, and what it is told.
#include "wye/process/nats_server.hpp"

#include "wye/os/replace_file.hpp"
#include "wye/os/temp_dir.hpp"

#include "os/dir_calls.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/resolve.hpp"
#include "os/small_file.hpp"
#include "os/spawn.hpp"
#include "os/wait.hpp"
#include "process/nats_server/configuration.hpp"

#include <optional>
#include <thread>

namespace wye {
namespace {

using namespace std::chrono_literals;

std::string program() {
    // Debian puts it where an ordinary user's PATH does not lead.
    for (const auto* at : {"/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"}) {
        struct stat s{};
        if (sys::stat(at, &s) == 0) return at;
    }
    return "nats-server";
}

bool have(const char* path) {
    struct stat s{};
    return sys::stat(path, &s) == 0;
}

// Whether it answers as a server does.
bool greets(const std::string& host, unsigned port, Deadline d) {
    const auto all = sys::resolve(host, std::to_string(port), SOCK_STREAM, false);
    if (!all || all->empty()) return false;
    const auto& a = all->front();
    const long r = sys::socket(a.family(), SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (r < 0) return false;
    const Fd fd(static_cast<int>(r));
    char room[8];
    return sys::connect(fd.get(), a, d, "") && sys::wait_ready(fd.get(), POLLIN, d) &&
           sys::read(fd.get(), room, sizeof room) >= 4 && std::string_view(room, 4) == "INFO";
}

}  // namespace

struct NatsServer::State {
    NatsServerOptions options;
    std::optional<TempDir> own;
    std::string password;
    std::optional<sys::Process> process;

    std::string file(const char* name) const { return options.directory + "/" + name; }

    Result<> prepare();
    Result<> launch(Deadline);
    Result<> signal(int number) {
        if (!process) return fail(Errc::not_found, "nats-server");
        return process->signal(number);
    }
    std::string last_words() const {
        const auto log = sys::read_whole(file("log"));
        if (!log || log->empty()) return "it left no log";
        const auto end = log->find_last_not_of('\n');
        const auto from = log->rfind('\n', end);
        return log->substr(from == log->npos ? 0 : from + 1, end - (from == log->npos ? 0 : from));
    }
};

Result<> NatsServer::State::prepare() {
    if (options.directory.empty()) {
        WYE_TRY(own, TempDir::make("wye-nats"));
        options.directory = own->path();
    }
    if (const long r = sys::mkdir(options.directory.c_str(), 0700); r < 0 && r != -EEXIST)
        return sys::fail(r, "mkdir", options.directory);
    if (options.port == 0) options.port = sys::free_port(options.host, SOCK_STREAM);
    if (options.port == 0) return refuse(Errc::not_found, "nats-server: no free port on " + options.host);
    if (options.login) {
        // One that is there already goes on: clients have it.
        if (!options.password.empty())
            password = options.password;
        else if (const auto there = sys::read_whole(file("login")); there && there->starts_with("app:"))
            password = there->substr(4, there->find('\n') - 4);
        else
            password = nats_server::new_secret();
        WYE_CHECK(
            replace_file(file("login"), bytes_of("app:" + password + "\n"), {.permissions = 0600, .durable = false}));
    }
    return replace_file(file("conf"), bytes_of(nats_server::configuration(options, password)),
                        {.permissions = 0600, .durable = false});
}

Result<> NatsServer::State::launch(Deadline d) {
    std::vector<std::string> words{program(), "-c", file("conf")};
    if (have("/usr/bin/setpriv")) words.insert(words.begin(), {"/usr/bin/setpriv", "--pdeathsig", "KILL"});
    process.reset();
    const long null = sys::open("/dev/null", O_RDWR);
    if (null < 0) return sys::fail(null, "open", "/dev/null");
    const Fd nothing(static_cast<int>(null));
    WYE_TRY(auto started,
            sys::Process::start(
                words,
                {.in = null >= 0 ? nothing.get() : -1, .out = nothing.get(), .err = nothing.get(), .own_group = true}));
    process.emplace(std::move(started));
    while (!greets(options.host, options.port, d.sooner(200ms))) {
        if (const auto end = process->wait(Deadline::now())) {
            process.reset();
            return refuse(Errc::failed, "nats-server ended at once (" + end->text() + "): " + last_words());
        }
        if (d.passed())
            return refuse(Errc::timed_out, "nats-server does not answer on " + options.host + ":" +
                                               std::to_string(options.port) + ": " + last_words());
        std::this_thread::sleep_for(10ms);
    }
    return {};
}

bool NatsServer::available() noexcept { return have(program().c_str()); }

NatsServer::NatsServer(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
NatsServer::NatsServer(NatsServer&&) noexcept = default;
NatsServer& NatsServer::operator=(NatsServer&&) noexcept = default;
NatsServer::~NatsServer() = default;

Result<NatsServer> NatsServer::start(const NatsServerOptions& o, Deadline d) {
    if (!available()) return refuse(Errc::not_found, "nats-server is not installed: apt-get install nats-server");
    const bool own_port = o.port == 0;
    for (int tries = 3;; --tries) {
        auto state = std::make_unique<State>();
        state->options = o;
        WYE_CHECK(state->prepare());
        auto r = state->launch(d);
        if (r) return NatsServer(std::move(state));
        // Somebody took the port in between.
        if (!own_port || tries == 1 || r.error().message().find("in use") == std::string::npos)
            return std::unexpected(std::move(r).error());
    }
}

unsigned NatsServer::port() const noexcept { return state_->options.port; }
std::string NatsServer::address() const { return state_->options.host + ":" + std::to_string(port()); }
std::string NatsServer::login_file() const { return state_->options.login ? state_->file("login") : ""; }
std::string NatsServer::directory() const { return state_->options.directory; }
std::string NatsServer::configuration() const { return state_->file("conf"); }
int NatsServer::pid() const noexcept { return state_->process ? state_->process->pid() : -1; }
bool NatsServer::running() const noexcept { return state_->process && !state_->process->wait(Deadline::now()); }

std::string NatsServer::uri(const std::string& subject) const {
    return "nats://" + address() + "/" + subject + (state_->options.login ? "?login=" + login_file() : "");
}

Result<> NatsServer::stop(Deadline d) {
    WYE_CHECK(state_->signal(SIGCONT));
    WYE_CHECK(state_->signal(SIGTERM));
    WYE_CHECK(state_->process->wait(d));
    state_->process.reset();
    return {};
}

Result<> NatsServer::kill() {
    WYE_CHECK(state_->signal(SIGKILL));
    WYE_CHECK(state_->process->wait(10s));
    state_->process.reset();
    return {};
}

Result<> NatsServer::pause() {
    WYE_CHECK(state_->signal(SIGSTOP));
    // Told when the last of its threads stands still.
    siginfo_t info{};
    const auto fd = static_cast<id_t>(state_->process->pidfd());
    long r = 0;
    do r = sys::waitid(static_cast<idtype_t>(P_PIDFD), fd, &info, WSTOPPED | WEXITED | WNOWAIT);
    while (r == -EINTR);
    return r < 0 ? Result<>(sys::fail(r, "waitid")) : Result<>();
}
Result<> NatsServer::resume() { return state_->signal(SIGCONT); }

Result<> NatsServer::restart(Deadline d) {
    if (state_->process) WYE_CHECK(kill());
    for (;;) {
        auto r = state_->launch(d);
        if (r || d.passed() || r.error().message().find("in use") == std::string::npos) return r;
        std::this_thread::sleep_for(100ms);
    }
}

Result<NatsCluster> NatsCluster::start(unsigned count, const NatsServerOptions& o, Deadline d) {
    NatsCluster c;
    if (!o.directory.empty())
        if (const long r = sys::mkdir(o.directory.c_str(), 0700); r < 0 && r != -EEXIST)
            return sys::fail(r, "mkdir", o.directory);
    std::vector<unsigned> ports;
    std::vector<std::string> routes;
    for (unsigned i = 0; i < count; ++i) {
        ports.push_back(sys::free_port(o.host, SOCK_STREAM));
        routes.push_back(o.host + ":" + std::to_string(ports.back()));
    }
    const auto secret = nats_server::new_secret();
    for (unsigned i = 0; i < count; ++i) {
        auto each = o;
        each.name = o.name + std::to_string(i + 1);
        if (count > 1) {
            each.cluster = o.name;
            each.cluster_port = ports[i];
            each.routes = routes;
            each.route_secret = secret;
        }
        if (o.port) each.port = o.port + i;
        if (!o.directory.empty()) each.directory = o.directory + "/" + each.name;
        // A client that finds another server has one login.
        if (i > 0) each.password = c.servers_.front().state_->password;
        WYE_TRY(auto s, NatsServer::start(each, d));
        c.servers_.push_back(std::move(s));
    }
    return c;
}

std::string NatsCluster::uri(const std::string& subject) const {
    std::string all;
    for (const auto& s : servers_) all += (all.empty() ? "" : ",") + s.address();
    const auto login = servers_.front().login_file();
    return "nats://" + all + "/" + subject + (login.empty() ? "" : "?login=" + login);
}

}  // namespace wye
