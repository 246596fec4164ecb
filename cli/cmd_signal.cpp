// wye signal: signals to a process, by pidfd; and signals taken, one by one.
#include "wye/base/text.hpp"
#include "wye/process/pid_file.hpp"
#include "wye/sync/signals.hpp"

#include "command.hpp"
#include "table.hpp"
#include "terminal.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <optional>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

struct Options {
    std::vector<std::string> words;  // send PID SIGNAL, wait SIGNAL...
    std::string pidfile, value, timeout;
    std::uint64_t count = 1;
    bool json = false;
};

int wrong(std::string_view what) {
    return usage_error(
        "signal", fmt::format("{} (wye signal send PID SIGNAL, wye signal wait SIGNAL...; see wye help signal)", what));
}

// A pidfd first, and the lock after it: who holds the lock then is whom the pidfd stands for.
Result<SignalTarget> holder_of(const std::string& pidfile) {
    for (;;) {
        WYE_TRY(const auto pid, PidFile::holder(pidfile));
        auto target = SignalTarget::of(pid);
        if (!target && !target.error().is(Errc::not_found)) return target;
        WYE_TRY(const auto again, PidFile::holder(pidfile));
        if (target && again == pid) return target;
    }
}

Result<SignalTarget> target_of(const Options& o) {
    if (!o.pidfile.empty()) return holder_of(o.pidfile);
    const auto pid = parse_number(o.words[1]);
    if (!pid || *pid == 0 || *pid > INT32_MAX)
        return refuse(Errc::bad_address, fmt::format("\"{}\" is no process id", escape(o.words[1])));
    return SignalTarget::of(static_cast<pid_t>(*pid));
}

int run_send(const Options& o) {
    const std::size_t named = o.pidfile.empty() ? 2 : 1;
    if (o.words.size() != named + 1)
        return wrong(o.pidfile.empty() ? "send takes a process id and a signal"
                                       : "send --pidfile takes a signal alone");
    if (o.json || !o.timeout.empty()) return wrong("--json and --timeout are of wait");
    const auto number = o.words[named] == "0" ? Result<int>(0) : signal_number(o.words[named]);
    if (!number) return report("signal", number.error());
    std::optional<std::uint64_t> value;
    if (!o.value.empty() && !(value = parse_number(o.value)))
        return wrong(fmt::format("--value={}: write a number, 42 or 0x2a", escape(o.value)));
    const auto target = target_of(o);
    if (!target) return report("signal", target.error());
    const auto r = value ? queue(*target, *number, *value) : send(*target, *number);
    return r ? int{exit_ok} : report("signal", r.error());
}

void show(const SignalInfo& s, bool json) {
    if (json) {
        Json j{{"schema", "wye.signal/1"}, {"signal", signal_name(s.number)},
               {"number", s.number},       {"sender", s.sender},
               {"user", s.user},           {"code", s.code}};
        if (s.queued()) j["value"] = s.word;
        say("{}\n", j.dump());
    } else {
        say("{} from {}{}\n", signal_name(s.number), s.sender, s.queued() ? fmt::format(" value {}", s.word) : "");
    }
}

int run_wait(const Options& o) {
    if (o.words.size() < 2) return wrong("wait takes one signal or more");
    if (!o.pidfile.empty() || !o.value.empty()) return wrong("--pidfile and --value are of send");
    std::vector<int> numbers;
    for (std::size_t i = 1; i < o.words.size(); ++i) {
        const auto n = signal_number(o.words[i]);
        if (!n) return report("signal", n.error());
        numbers.push_back(*n);
    }
    Deadline deadline = Deadline::never();
    if (!o.timeout.empty()) {
        const auto t = duration_of("signal", "--timeout", o.timeout);
        if (!t) return exit_usage;
        deadline = *t;
    }
    catch_signals();
    auto set = SignalSet::block(numbers);
    if (!set) return report("signal", set.error());
    // Whoever started us may send from now on: said, because nothing else shows it.
    fmt::print(stderr, "wye: signal: process {} waits\n", ::getpid());
    for (std::uint64_t i = 0; i < o.count; ++i) {
        const auto s = patiently(deadline, [&](Deadline d) { return set->wait(d); });
        if (!s && interrupted()) return finish(exit_ok);
        if (!s) return report("signal", s.error());
        show(*s, o.json);
        if (flush_output() != 0) return exit_ok;
    }
    return exit_ok;
}

int run(const Options& o) {
    if (o.words[0] == "send") return run_send(o);
    if (o.words[0] == "wait") return run_wait(o);
    return wrong(fmt::format("\"{}\": write send or wait", escape(o.words[0])));
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("words", o->words,
                   "send PID SIGNAL, send --pidfile FILE SIGNAL, wait SIGNAL...; TERM, SIGUSR1, RTMIN+3, 15")
        ->required();
    app.add_option("--pidfile", o->pidfile, "send: to the process that holds this pid file, whatever it says")
        ->type_name("FILE");
    app.add_option("--value", o->value, "send: a word of data, queued with the signal")->type_name("N");
    app.add_option("-n,--count", o->count, "wait: for so many (1)")->type_name("N")->positive();
    app.add_option("--timeout", o->timeout, "wait: give up after so long, 2s or 250ms, with exit code 124")
        ->type_name("TIME");
    app.add_flag("--json", o->json, "wait: a line a signal, schema wye.signal/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command signal_command;
const Command signal_command{.name = "signal",
                             .arguments = "send PID SIGNAL | wait SIGNAL...",
                             .summary = "signals to a process that is never mistaken, and signals taken one by one",
                             .examples =
                                 "wye signal send 4711 TERM\n"
                                 "wye signal send --pidfile /run/app.pid HUP      # 3 when nobody holds it\n"
                                 "wye signal wait --json -n 10 RTMIN+1 &          # with who sent it and its word\n"
                                 "wye signal send $! RTMIN+1 --value 42",
                             .define = define};

}  // namespace wye::cli
