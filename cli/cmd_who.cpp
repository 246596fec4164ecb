// wye who: the holders of one object, or everything that one process holds.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "items.hpp"
#include "os/sysv_key.hpp"
#include "pager.hpp"
#include "terminal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

namespace wye::cli {
namespace {

struct Options {
    std::string what;
    bool json = false;
};

// A holder or a waiter of an item, as a line.
struct Line {
    const Item* item;
    const Holder* holder;
    const Waiter* waiter;
};

// What was asked for, and whether an item is it.
struct Question {
    std::int32_t pid = 0;  // not 0: a process
    std::string kind, name;
    std::optional<FileIdentity> file;
};

bool is(const Question& q, const Item& i) {
    if (!q.kind.empty() && q.kind != i.kind) return false;
    if (q.file) {
        const auto* f = std::get_if<FileIdentity>(&i.identity);
        return (f && *f == *q.file) || i.file == q.file;
    }
    if (i.name == q.name || i.uri == q.kind + ":" + q.name) return true;
    const auto* sysv = std::get_if<SysvIdentity>(&i.identity);
    return sysv && (q.name == std::to_string(sysv->id) || q.name == "id=" + std::to_string(sysv->id));
}

std::optional<FileIdentity> file_at(const std::string& path) {
    struct stat s{};
    if (::lstat(path.c_str(), &s) != 0) return {};
    return FileIdentity{.dev = s.st_dev, .ino = s.st_ino};
}

Result<Question> of_path(std::string_view kind, const std::string& path) {
    auto file = file_at(path);
    if (!file) return refuse(Errc::not_found, escape(path) + ": no such file");
    return Question{.kind = std::string(kind), .name = path, .file = file};
}

// "sysv-shm:/run/app#7" names a key.
Result<Question> of_uri(const Uri& uri) {
    const auto kind = std::string(uri.scheme());
    auto name = std::string(uri.address());
    if (kind.starts_with("sysv-") && name.starts_with('/')) {
        unsigned project = 1;
        if (uri.fragment())
            if (const auto n = parse_number(*uri.fragment()); n && *n <= 255) project = static_cast<unsigned>(*n);
        WYE_TRY(const auto key, sys::sysv_key(name, project));
        return Question{.kind = kind, .name = "key=" + sys::key_text(key), .file = {}};
    }
    // Those whose name is a path, and not a name that only begins like one.
    if ((kind == "fifo" || kind == "unix" || kind == "pid-file") && name.starts_with('/')) return of_path(kind, name);
    if (kind == "lock" || kind == "lease") return of_path(kind, name);
    if (kind == "pipe") name = "pipe:" + name;
    if (kind == "eventfd" || kind == "memfd") name = kind + ":" + name;
    if ((kind == "tcp" || kind == "udp") && name.starts_with("//")) name.erase(0, 2);
    return Question{.kind = kind, .name = name, .file = {}};
}

Result<Question> question(const std::string& what) {
    if (const auto pid = parse_number(what); pid && *pid > 0 && *pid < INT32_MAX)
        return Question{.pid = static_cast<std::int32_t>(*pid), .kind = {}, .name = {}, .file = {}};
    if (what.starts_with("socket:[")) return Question{.kind = {}, .name = what, .file = {}};
    if (what.starts_with('/') || what.starts_with('.')) return of_path("", what);
    WYE_TRY(const auto uri, Uri::parse(what));
    const auto kinds = inventory_kinds();
    if (std::ranges::find(kinds, uri.scheme()) == kinds.end())
        return uri.refuse("no kind that is listed", "posix-shm:/frames");
    return of_uri(uri);
}

std::vector<Line> lines_of(const Question& q, const std::vector<Item>& items) {
    std::vector<Line> all;
    for (const auto& i : items) {
        if (q.pid == 0 && !is(q, i)) continue;
        for (const auto& h : i.holders)
            if (q.pid == 0 || h.pid == q.pid) all.push_back({&i, &h, nullptr});
        for (const auto& w : i.waiters)
            if (q.pid == 0 || w.pid == q.pid) all.push_back({&i, nullptr, &w});
    }
    return all;
}

// Who else is at it: "b[20361] +1".
std::string others(const Line& l, std::int32_t pid) {
    std::vector<std::string> who;
    const auto add = [&](std::int32_t p, const std::string& comm) {
        auto text = fmt::format("{}[{}]", escape(comm), p);
        if (p != pid && std::ranges::find(who, text) == who.end()) who.push_back(std::move(text));
    };
    for (const auto& h : l.item->holders) add(h.pid, h.comm);
    for (const auto& w : l.item->waiters) add(w.pid, w.comm);
    if (l.item->hidden_holders != 0) who.push_back(fmt::format("{} hidden", l.item->hidden_holders));
    if (who.empty()) return "-";
    return who.size() < 3 ? fmt::format("{}", fmt::join(who, " "))
                          : fmt::format("{} {} +{}", who[0], who[1], who.size() - 2);
}

std::vector<Column<Line>> columns(const Question& q) {
    using C = Column<Line>;
    std::vector<C> all{
        C{"kind", "KIND", [](const Line& l) { return l.item->kind; }},
        C{"name", "ID/NAME", [](const Line& l) { return escape(l.item->name); }},
    };
    if (q.pid == 0) {
        all.emplace_back(
            "pid", "PID", [](const Line& l) { return l.holder ? l.holder->pid : l.waiter->pid; }, C::Text(), true);
        all.emplace_back("comm", "COMMAND",
                         [](const Line& l) { return escape(l.holder ? l.holder->comm : l.waiter->comm); });
    }
    all.emplace_back("via", "VIA", [](const Line& l) {
        return l.holder ? std::string(l.holder->via) : fmt::format("waits: {}", l.waiter->what);
    });
    all.emplace_back(
        "fd", "FD", [](const Line& l) { return l.holder && l.holder->fd >= 0 ? Json(l.holder->fd) : Json(nullptr); },
        C::Text(), true);
    all.emplace_back("mode", "MODE", [](const Line& l) {
        return l.holder && (l.holder->reads || l.holder->writes)
                   ? Json(fmt::format("{}{}", l.holder->reads ? "r" : "", l.holder->writes ? "w" : ""))
                   : Json(nullptr);
    });
    all.emplace_back("use", "USE", [](const Line& l) { return escape(l.item->use); });
    if (q.pid != 0) all.emplace_back("others", "OTHERS", [pid = q.pid](const Line& l) { return others(l, pid); });
    return all;
}

void print_json(const Options& o, const Question& q, const Inventory& all, const std::vector<Line>& lines) {
    Json document{{"schema", "wye.who/1"}, {"asked", o.what}, {"items", Json::array()}};
    for (const auto& i : all.items)
        if (q.pid == 0 ? is(q, i) : std::ranges::find(lines, &i, &Line::item) != lines.end())
            document["items"].push_back(json_of(i));
    document["coverage"] = json_of(all.coverage);
    page_out(dumped(document, 2) + "\n");
}

void print_table(const Question& q, const Inventory& all, const std::vector<Line>& lines) {
    std::string out;
    const auto text = to_lines(lines, columns(q));
    for (std::size_t n = 0; n < text.size(); ++n) out += (n == 0 ? styled(text[n], "1") : text[n]) + "\n";
    for (const auto& i : all.items)
        if (q.pid == 0 && i.hidden_holders != 0 && is(q, i))
            out += fmt::format("{} {}: {} more that no process here shows\n", i.kind, escape(i.name), i.hidden_holders);
    out +=
        fmt::format("{}. Took {}.\n", coverage_line(all.coverage), human_time(static_cast<double>(all.coverage.took)));
    page_out(out);
}

int refuse_error(const Error& e) {
    const int code = report("who", e);
    return code == exit_usage ? code : int{view_error};
}

int run(const Options& o) {
    const auto q = question(o.what);
    if (!q) return refuse_error(q.error());
    const auto all = take_inventory();
    const auto lines = lines_of(*q, all.items);
    const bool known = q->pid != 0
                           ? file_at(fmt::format("/proc/{}", q->pid)).has_value()
                           : q->file || std::ranges::any_of(all.items, [&](const Item& i) { return is(*q, i); });
    if (!known)
        return refuse_error(Error::saying(
            Errc::not_found, q->pid != 0
                                 ? fmt::format("{}: no such process", q->pid)
                                 : fmt::format("{}: no such object is seen; wye ls lists them", escape(o.what))));
    if (o.json)
        print_json(o, *q, all, lines);
    else
        print_table(*q, all, lines);
    return view_exit(all.coverage, !lines.empty());
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("object", o->what, "a URI, a path, kind:id, pipe:[N], or the number of a process")->required();
    app.add_flag("--json", o->json, "one document, schema wye.who/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command who_command;
const Command who_command{
    .name = "who",
    .arguments = "OBJECT|PID",
    .summary = "who holds an object or waits for it; or all that one process holds",
    .examples = "wye who posix-shm:/frames\nwye who /run/app.sock\nwye who sysv-sem:3\nwye who $$   # of this shell",
    .define = define,
    .completes_uris = true};

}  // namespace wye::cli
