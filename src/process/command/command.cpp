// A program to be run: what it is given, and its start.
#include "wye/process/command.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"
#include "process/command/job.hpp"

#include <algorithm>
#include <limits>

extern char** environ;

namespace wye {

Command& Command::env(std::string name, std::string value) {
    std::erase_if(env_, [&](const auto& e) { return e.first == name; });
    env_.emplace_back(std::move(name), std::move(value));
    return *this;
}
Command& Command::clear_env() { return clear_ = true, *this; }
Command& Command::keep_env(std::string name) {
    clear_ = true;
    keep_.push_back(std::move(name));
    return *this;
}
Command& Command::arg0(std::string text) {
    has_arg0_ = true;
    arg0_ = std::move(text);
    return *this;
}
Command& Command::directory(std::string path) { return directory_ = std::move(path), *this; }
Command& Command::in(Source s) { return in_ = std::move(s), *this; }
Command& Command::out(Target t) { return out_ = std::move(t), *this; }
Command& Command::err(Target t) { return err_ = std::move(t), *this; }
Command& Command::limit_output(std::size_t bytes) { return limited_ = true, limit_ = bytes, *this; }
Command& Command::grace(std::chrono::nanoseconds t) { return grace_ = t, *this; }
Command& Command::foreground() { return foreground_ = true, *this; }

namespace {

Result<Fd> opened(const std::string& path, int flags) {
    if (path.find('\0') != std::string::npos) return refuse(Errc::bad_address, "a path has no zero byte");
    const long r = sys::open(path.c_str(), flags, 0666);
    if (r < 0) return sys::fail(r, "open", path);
    return Fd(static_cast<int>(r));
}

struct Ends {
    Fd read, write;
};
Result<Ends> make_pipe_ends() {
    int ends[2];
    if (const long r = sys::pipe2(ends, 0); r < 0) return sys::fail(r, "pipe2");
    return Ends{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

// One command on its way: what it is given lives here until it runs.
struct Command::Stage {
    const Command& c;
    Job::State& job;
    Fd held[3], cwd;  // its ends; ours are closed when it has them
    std::vector<std::string> environment;
    std::vector<char*> environment_words;

    Result<> check() const {
        const auto zero = [](const std::string& s) { return s.find('\0') != std::string::npos; };
        if (c.argv_.empty() || c.argv_[0].empty()) return refuse(Errc::bad_address, "no program is named");
        if (std::ranges::any_of(c.argv_, zero) || zero(c.arg0_) || zero(c.directory_))
            return refuse(Errc::bad_address, "an argument of a program cannot hold a zero byte");
        for (const auto& [name, value] : c.env_)
            if (name.empty() || name.find('=') != std::string::npos || zero(name) || zero(value))
                return fail(Errc::bad_address, "environment", name);
        return {};
    }

    void fill_environment() {
        const auto given = [&](std::string_view name) {
            return std::ranges::any_of(c.env_, [&](const auto& e) { return e.first == name; });
        };
        for (char** e = environ; e && *e; ++e) {
            const std::string_view entry = *e;
            const auto name = entry.substr(0, entry.find('='));
            if (given(name) || (c.clear_ && std::ranges::find(c.keep_, name) == c.keep_.end())) continue;
            environment.emplace_back(entry);
        }
        for (const auto& [name, value] : c.env_) environment.push_back(name + "=" + value);
        for (auto& e : environment) environment_words.push_back(e.data());
        environment_words.push_back(nullptr);
    }

    Result<int> hold(int place, Result<Fd> fd) {
        if (!fd) return std::unexpected(std::move(fd).error());
        held[place] = std::move(*fd);
        return held[place].get();
    }

    static Result<int> lent(int fd) {
        if (fd >= 0) return fd;
        return refuse(Errc::unsupported, "this endpoint has no descriptor that a program could use");
    }

    Result<int> source() {
        switch (c.in_.kind) {
            case Source::Kind::inherit:
                return -1;
            case Source::Kind::descriptor:
                return lent(c.in_.fd);
            case Source::Kind::file:
                return hold(0, opened(*c.in_.text, O_RDONLY));
            case Source::Kind::bytes:
                break;
            case Source::Kind::null:
                return hold(0, opened("/dev/null", O_RDONLY));
        }
        WYE_TRY(auto ends, make_pipe_ends());
        if (!c.in_.text->empty()) job.in = std::move(ends.write), job.input = c.in_.text;
        return hold(0, std::move(ends.read));
    }

    Result<int> target(int place, const Target& t, std::string Output::* captured) {
        switch (t.kind) {
            case Target::Kind::inherit:
                return -1;
            case Target::Kind::output:
                if (place == 2) return -1;
                return refuse(Errc::bad_address, "standard output cannot go where it goes itself");
            case Target::Kind::null:
                return hold(place, opened("/dev/null", O_WRONLY));
            case Target::Kind::file:
                return hold(place, opened(t.path, O_WRONLY | O_CREAT | (t.append ? O_APPEND : O_TRUNC)));
            case Target::Kind::descriptor:
                return lent(t.fd);
            case Target::Kind::capture:
            case Target::Kind::stream:
                break;
        }
        WYE_TRY(auto ends, make_pipe_ends());
        const bool streams = t.kind == Target::Kind::stream;
        job.flows.push_back({std::move(ends.read), {}, streams ? t.sink : Sink(), streams ? nullptr : captured});
        return hold(place, std::move(ends.write));
    }

    Result<> start() {
        WYE_CHECK(check());
        sys::SpawnOptions o{.err_to_out = c.err_.kind == Target::Kind::output, .own_group = !c.foreground_};
        WYE_TRY(o.in, source());
        WYE_TRY(o.out, target(1, c.out_, &Output::out));
        WYE_TRY(o.err, target(2, c.err_, &Output::err));
        if (c.has_arg0_) o.arg0 = &c.arg0_;
        if (!c.directory_.empty()) {
            WYE_TRY(cwd, opened(c.directory_, O_PATH | O_DIRECTORY));
            o.directory = cwd.get();
        }
        if (c.clear_ || !c.env_.empty()) {
            fill_environment();
            o.environment = environment_words.data();
        }
        WYE_TRY(auto process, sys::Process::start(c.argv_, o));
        job.ended.push_back(process.pidfd() < 0);  // it ended at once, and SIGCHLD is ignored
        job.processes.push_back(std::move(process));
        return {};
    }
};

Result<Job> Pipeline::start() const {
    if (commands_.empty()) return refuse(Errc::bad_address, "a pipeline without commands");
    auto job = std::make_unique<Job::State>();
    const auto& last = commands_.back();
    job->capture_limit = last.limit_;
    job->stream_limit = last.limited_ ? last.limit_ : std::numeric_limits<std::size_t>::max();
    job->grace = last.grace_;
    job->foreground = last.foreground_;
    Fd from_previous;
    for (std::size_t i = 0; i < commands_.size(); ++i) {
        Command c = commands_[i];
        c.foreground_ = last.foreground_;
        Ends between;
        if (i > 0) c.in(Source::descriptor(from_previous.get()));
        if (i + 1 < commands_.size()) {
            WYE_TRY(between, make_pipe_ends());
            c.out(Target::descriptor(between.write.get()));
        }
        WYE_CHECK(Command::Stage{c, *job, {}, {}, {}, {}}.start());
        from_previous = std::move(between.read);
    }
    return Job(std::move(job));
}

Result<> Pipeline::run_into(Output& into, Deadline d) const {
    WYE_TRY(auto job, start());
    auto r = job.wait(d);
    if (job.running()) (void)job.end();
    into = job.take_output();
    if (!r) return std::unexpected(std::move(r).error());
    return {};
}

Result<Output> Pipeline::run(Deadline d) const {
    Output o;
    WYE_CHECK(run_into(o, d));
    return o;
}

Result<Job> Command::start() const { return pipeline({*this}).start(); }
Result<Output> Command::run(Deadline d) const { return pipeline({*this}).run(d); }
Result<> Command::run_into(Output& into, Deadline d) const { return pipeline({*this}).run_into(into, d); }

}  // namespace wye
