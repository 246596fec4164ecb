// wye ls: all interprocess communication on this machine.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "filter.hpp"
#include "items.hpp"
#include "os/snapshot/snapshot.hpp"
#include "pager.hpp"
#include "registry/inventory.hpp"
#include "terminal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

namespace wye::cli {
namespace {

struct Options {
    std::vector<std::string> kinds, filters, columns;
    std::string user, ns = "all", sort, age = "10m";
    bool held = false, unheld = false, json = false, jsonl = false;
};

// What is left of the inventory, and how it is shown.
struct View {
    Verdicts verdicts{"ls"};
    std::vector<Column<Item>> all = item_columns(&verdicts), shown;
    std::vector<Filter> filters;
    std::optional<std::uint32_t> uid;
    std::map<std::string_view, std::uint64_t> spaces;  // of --ns PID
    const Column<Item>* sort = nullptr;
};

int complain(const std::string& what) { return usage_error("ls", what); }

const Column<Item>* column(const View& v, std::string_view key) {
    const auto at = std::ranges::find(v.all, key, [](const auto& c) { return std::string_view(c.key); });
    return at == v.all.end() ? nullptr : &*at;
}

int check_kinds(const Options& o) {
    const auto known = inventory_kinds();
    for (const auto& k : o.kinds) {
        if (std::ranges::find(known, k) != known.end()) continue;
        const auto near = nearest(k, known);
        return complain(fmt::format("no kind \"{}\"{}", escape(k),
                                    near.empty() ? fmt::format("; there are {}", fmt::join(known, ", "))
                                                 : fmt::format(", did you mean \"{}\"?", near)));
    }
    return exit_ok;
}

int choose_columns(const Options& o, View& v) {
    for (const auto& key : o.columns.empty() ? usual_columns() : o.columns) {
        const auto* c = column(v, key);
        if (!c) return complain(fmt::format("--columns: no column \"{}\"; see wye help ls", escape(key)));
        v.shown.push_back(*c);
    }
    if (o.sort.empty()) return exit_ok;
    v.sort = column(v, o.sort);
    return v.sort ? int{exit_ok} : complain(fmt::format("--sort: no column \"{}\"; see wye help ls", escape(o.sort)));
}

int choose_rows(const Options& o, View& v) {
    if (!o.user.empty()) {
        v.uid = user_id(o.user);
        if (!v.uid) return complain(fmt::format("--user={}: no such user", escape(o.user)));
    }
    for (const auto& text : o.filters) {
        auto f = Filter::parse(text, v.all);
        if (!f) return complain("--filter: " + f.error());
        v.filters.push_back(std::move(*f));
    }
    if (o.ns == "all" || o.ns == "self") return exit_ok;
    const auto pid = parse_number(o.ns);
    if (!pid) return complain(fmt::format("--ns={}: write all, self or the number of a process", escape(o.ns)));
    for (const char* space : {"ipc", "net", "mnt"}) {
        struct stat s{};
        if (::stat(fmt::format("/proc/{}/ns/{}", *pid, space).c_str(), &s) == 0) v.spaces[space] = s.st_ino;
    }
    if (!v.spaces.empty()) return exit_ok;
    fmt::print(stderr, "wye: ls: --ns={}: no such process, or its namespaces may not be looked at\n", *pid);
    return view_error;
}

// What belongs to no namespace (a pipe, an eventfd) is in all of them.
bool in_namespace(const Options& o, const View& v, const Item& i) {
    if (o.ns == "all" || i.space.empty()) return true;
    if (o.ns == "self") return i.own_ns;
    const auto at = v.spaces.find(i.space);
    return at != v.spaces.end() && at->second == i.ns;
}

bool wanted(const Options& o, const View& v, const Item& i) {
    if (!o.kinds.empty() && std::ranges::find(o.kinds, i.kind) == o.kinds.end()) return false;
    if ((v.uid && i.uid != v.uid) || !in_namespace(o, v, i)) return false;
    if ((o.held && !i.held()) || (o.unheld && i.held())) return false;
    return std::ranges::all_of(v.filters, [&](const Filter& f) { return f.passes(i); });
}

void sort_by(const Column<Item>& c, std::vector<Item>& items) {
    std::vector<std::pair<Json, std::size_t>> keys;
    for (std::size_t n = 0; n < items.size(); ++n) keys.emplace_back(c.value(items[n]), n);
    std::ranges::sort(keys, sorts_before);
    std::vector<Item> sorted;
    for (const auto& k : keys) sorted.push_back(std::move(items[k.second]));
    items = std::move(sorted);
}

Json whole_json(const View& v, const Item& i) {
    auto j = json_of(i);
    add_verdict(j, i, v.verdicts.of(i));
    return j;
}

void print_json(const View& v, const Inventory& all) {
    Json document{{"schema", "wye.ls/1"}, {"items", Json::array()}, {"coverage", json_of(all.coverage)}};
    for (const auto& i : all.items) document["items"].push_back(whole_json(v, i));
    page_out(dumped(document, 2) + "\n");
}

void print_lines(const View& v, const Inventory& all) {
    std::string out;
    for (const auto& i : all.items) {
        Json line{{"schema", "wye.ls/1"}};
        line.update(whole_json(v, i));
        out += dumped(line) + "\n";
    }
    out += dumped({{"schema", "wye.ls/1"}, {"coverage", json_of(all.coverage)}}) + "\n";
    page_out(out);
}

void print_table(const Options& o, const View& v, const Inventory& all, std::size_t hidden) {
    std::string out;
    const auto lines = to_lines(all.items, v.shown);
    for (std::size_t n = 0; n < lines.size(); ++n) out += (n == 0 ? styled(lines[n], "1") : lines[n]) + "\n";
    out += coverage_line(all.coverage);
    if (hidden != 0) out += fmt::format("; {} hidden by {}", hidden, o.held ? "--held" : "--unheld");
    out += fmt::format(". Took {}.\n", human_time(static_cast<double>(all.coverage.took)));
    page_out(out);
}

int run(const Options& o) {
    View v;
    if (const int bad = check_kinds(o); bad != exit_ok) return bad;
    if (const int bad = choose_columns(o, v); bad != exit_ok) return bad;
    if (const int bad = choose_rows(o, v); bad != exit_ok) return bad;
    const auto age = duration_of("ls", "--age", o.age);
    if (!age) return exit_usage;
    const auto seen = sys::take_snapshot();
    auto all = take_inventory(seen);
    v.verdicts.about(seen, all.coverage, *age);
    if (all.coverage.processes == 0) return fmt::print(stderr, "wye: ls: /proc cannot be read\n"), int{view_error};
    auto unbound = o;
    unbound.held = unbound.unheld = false;
    const auto hidden = static_cast<std::size_t>(
        std::ranges::count_if(all.items, [&](const Item& i) { return wanted(unbound, v, i) && !wanted(o, v, i); }));
    std::erase_if(all.items, [&](const Item& i) { return !wanted(o, v, i); });
    if (v.sort) sort_by(*v.sort, all.items);
    if (o.json)
        print_json(v, all);
    else if (o.jsonl)
        print_lines(v, all);
    else
        print_table(o, v, all, hidden);
    return view_exit(all.coverage, !all.items.empty());
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("kind", o->kinds, "only these: sysv-shm, posix-mq, unix, pipe, lock ... (default: all)");
    app.add_option("--user", o->user, "only what this user owns")->type_name("NAME|UID");
    app.add_option("--ns", o->ns, "all (default), self, or the namespaces of a process")->type_name("WHICH");
    auto* held = app.add_flag("--held", o->held, "only what somebody holds or waits for");
    app.add_flag("--unheld", o->unheld, "only what nobody is seen to hold")->excludes(held);
    app.add_option("--sort", o->sort, "by a column: numbers from the largest, words from A")->type_name("COLUMN");
    app.add_option("--filter", o->filters, "as size>1M, or: age>10m and name~job (= != < <= > >= ~)")
        ->type_name("EXPR")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    app.add_option("--age", o->age, "how long an orphan must have been left alone (10m)")->type_name("TIME");
    app.add_option("--columns", o->columns,
                   "kind,name,ns,owner,size,use,holders,age,verdict; and uri,mode,allocated,waiters,hidden,uid")
        ->type_name("A,B")
        ->delimiter(',')
        ->allow_extra_args(false);
    auto* json = app.add_flag("--json", o->json, "one document, schema wye.ls/1");
    app.add_flag("--jsonl", o->jsonl, "an object a line, the coverage last")->excludes(json);
    return [o] { return run(*o); };
}

}  // namespace

extern const Command ls_command;
const Command ls_command{.name = "ls",
                         .arguments = "[KIND...]",
                         .summary = "list what there is on this machine, of every kind, with its holders",
                         .examples =
                             "wye ls                          # everything, from every namespace\n"
                             "wye ls sysv-shm posix-shm --unheld --sort size\n"
                             "wye ls --jsonl --filter 'size>1M' | jq -r .name",
                         .define = define};

}  // namespace wye::cli
