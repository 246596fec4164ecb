#include "history/replicas.hpp"

#include "wye/transport/nats.hpp"

#include <cstring>
#include <set>
#include <stdexcept>
#include <thread>

namespace wye::test {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<engine::Engine> connected(const std::string& uri) {
    const auto at = or_throw(parse_nats(or_throw(Uri::parse(uri)), "nats://127.0.0.1:4222/x"));
    return or_throw(nats_connect(at.servers, at.options, 10s));
}

// Reads one replica by place. Whichever server of the cluster the first one chooses gets a request, by chance; those it
// does not hear keep theirs. So what is not answered is asked again, and oftener the less it is.
class Reader {
public:
    static Result<Reader> open(const std::string& uri, const std::string& stream) {
        Reader r;
        r.engine_ = connected(uri);
        r.ask_ = "$JS.API.DIRECT.GET." + stream;
        r.answers_ = r.engine_->new_subject() + ".";
        WYE_TRY(r.in_, r.engine_->subscribe(r.answers_ + "*", {.most = SIZE_MAX, .most_bytes = SIZE_MAX}));
        return r;
    }
    Result<Replica> read(std::uint64_t last) {
        for (std::uint64_t place = 1; place <= last; ++place) missing_.insert(place);
        const std::size_t at_once = std::max<std::size_t>(missing_.size(), 100);
        for (unsigned quiet = 0; !missing_.empty();) {
            const auto before = missing_.size();
            WYE_CHECK(ask(std::clamp<std::size_t>(at_once / before, 1, 20)));
            WYE_CHECK(hear());
            quiet = missing_.size() < before ? 0 : quiet + 1;
            if (quiet == 5) return refuse(Errc::timed_out, "a server says nothing of its replica");
        }
        return held_;
    }

private:
    Result<> ask(std::size_t times) {
        for (const auto place : missing_)
            for (std::size_t n = 0; n < times; ++n) {
                const auto what = "{\"seq\":" + std::to_string(place) + "}", to = answers_ + std::to_string(place);
                WYE_CHECK(engine_->publish({.subject = ask_, .bytes = bytes_of(what), .reply = to}, 2s));
            }
        return engine_->flush(2s);
    }
    Result<> hear() {
        for (;;) {
            const auto m = in_->next(100ms);
            if (!m && m.error().is(Errc::timed_out)) return {};
            if (!m) return std::unexpected(m.error());
            const auto place = std::stoull(std::string(m->subject.substr(answers_.size())));
            const auto status = m->header("Status");
            if (status == "503") continue;
            missing_.erase(place);
            if (status == "404") continue;
            if (!status.empty() || m->bytes.size() != sizeof(std::uint64_t))
                return refuse(Errc::mismatch, "a replica answered " + std::string(status));
            std::memcpy(&held_[place], m->bytes.data(), sizeof(std::uint64_t));
        }
    }
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<engine::Inbox> in_;
    std::string ask_, answers_;
    std::set<std::uint64_t> missing_;
    Replica held_;
};

Result<std::vector<Replica>> all_held(const Servers& servers, const std::string& stream) {
    std::uint64_t last = 0;
    {
        const auto e = connected(servers.uris.front());
        WYE_TRY(const auto s, e->stream(stream, 10s));
        last = s.last;
    }
    std::vector<Replica> all;
    for (std::size_t i = 0; i < servers.uris.size(); ++i) {
        // One that has just come back answers nothing of its replica until it has caught up, which it cannot do alone.
        Result<Replica> r = refuse(Errc::timed_out, "not asked");
        for (int tries = 0; tries < 10 && !r && r.error().is(Errc::timed_out); ++tries) {
            if (tries > 0) std::this_thread::sleep_for(2s);
            WYE_TRY(auto reader, Reader::open(servers.uris[i], stream));
            servers.alone(i);
            r = reader.read(last);
            servers.together();
        }
        if (!r) return std::unexpected(std::move(r).error());
        all.push_back(std::move(*r));
    }
    return all;
}

}  // namespace

void make_stream(const Servers& servers, const std::string& name, const std::vector<std::string>& subjects,
                 bool queue) {
    std::string words;
    for (const auto& s : subjects) words += (words.empty() ? "\"" : ",\"") + s + "\"";
    const auto text = "{\"name\":\"" + name + "\",\"subjects\":[" + words + "],\"retention\":\"" +
                      (queue ? "workqueue" : "limits") + "\",\"discard\":\"" + (queue ? "new" : "old") +
                      "\",\"storage\":\"file\",\"num_replicas\":" + std::to_string(servers.uris.size()) +
                      ",\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"duplicate_window\":120000000000,"
                      "\"allow_direct\":true}";
    const auto e = connected(servers.uris.front());
    std::string said = "nothing";
    for (const Deadline d = 20s; !d.passed(); std::this_thread::sleep_for(100ms)) {
        const auto m = e->request({.subject = "$JS.API.STREAM.CREATE." + name, .bytes = bytes_of(text)}, 5s);
        if (m) said = text_of(m->bytes);
        // Asked again, it says that it is there as it was wanted.
        if (m && said.find("\"error\"") == said.npos) return;
    }
    throw std::runtime_error("no stream " + name + ": " + said);
}

std::string version_of(const Servers& servers) { return connected(servers.uris.back())->report().version; }

std::string state_of(const Servers& servers, const std::string& stream) try {
    const auto e = connected(servers.uris.front());
    std::string all;
    for (const auto* what : {"STREAM.INFO.%", "CONSUMER.INFO.%.workers"}) {
        std::string subject = what;
        subject.replace(subject.find('%'), 1, stream);
        const auto m = e->request({.subject = "$JS.API." + subject}, 5s);
        all += "\n        " + subject + ": " + (m ? std::string(text_of(m->bytes)) : m.error().message());
    }
    return all;
} catch (const std::exception& e) {
    return e.what();
}

std::vector<Replica> replicas(const Servers& servers, const std::string& stream, Deadline d) {
    for (;; std::this_thread::sleep_for(2s)) {  // to catch up, undisturbed
        auto all = all_held(servers, stream);
        if (d.passed() || (all && diverged(*all).empty())) return or_throw(std::move(all));
    }
}

}  // namespace wye::test
