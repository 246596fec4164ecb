// wye map: who is connected with whom by what, as lines or as a graph.
#include "wye/base/text.hpp"
#include "wye/process/command.hpp"

#include "command.hpp"
#include "items.hpp"
#include "pager.hpp"
#include "registry/links.hpp"
#include "registry/waits.hpp"
#include "terminal.hpp"
#include "wait_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace wye::cli {
namespace {

struct Options {
    LinksWanted wanted;
    bool tree = false, dot = false, mermaid = false, json = false, svg = false;
};

using Links = std::vector<Link>;

struct Graph {
    Links links;
    std::vector<Wait> waits;  // of the processes that are shown
};

// Who sleeps near the process that was asked for: itself, those that have an object with it, and whom it keeps waiting.
std::vector<Wait> waits_near(const Inventory& seen, const LinksWanted& wanted, const Links& links) {
    auto all = waits_in(seen);
    if (!wanted.pid) return all;
    std::set<std::int32_t> near{*wanted.pid};
    for (const auto& l : links)
        if (l.holder) near.insert(l.holder->pid);
    std::erase_if(all, [&](const Wait& w) {
        return !near.contains(w.who.pid) &&
               std::ranges::none_of(w.by, [&](const Holder* h) { return h->pid == *wanted.pid; });
    });
    return all;
}

std::string process_of(const Link& l) {
    return l.holder ? fmt::format("{}[{}]", escape(l.holder->comm), l.holder->pid)
                    : fmt::format("?({} hidden)", l.item->hidden_holders);
}
std::string object_of(const Item& i) { return fmt::format("{} {}", i.kind, escape(i.name)); }

// The links of each object, in turn.
template <class Visit>
void each_object(const Links& all, Visit&& visit) {
    for (auto at = all.begin(); at != all.end();) {
        const auto end = std::find_if(at, all.end(), [&](const Link& l) { return l.item != at->item; });
        visit(*at->item, std::span(at, end));
        at = end;
    }
}

// "a[1] b[2] ──pipe pipe:[9]──> c[3]", "a[1] ══posix-shm /x══ b[2] c[3]"
std::string line_of(const Item& item, std::span<const Link> links) {
    std::string from, to, both;
    for (const auto& l : links) (l.gives && l.takes ? both : l.gives ? from : to) += process_of(l) + " ";
    const auto what = object_of(item) + (item.use.empty() ? "" : ", " + escape(item.use));
    if (from.empty() && to.empty()) {
        const auto first = process_of(links.front());
        return fmt::format("{} ══{}══ {}", first, what, both.substr(std::min(both.size(), first.size() + 1)));
    }
    return fmt::format("{}{}──{}──> {}{}", from, both, what, both, to);
}

// "a[1] ··waits sysv-sem 3 [1]··> last changed by b[2] ?"
std::string line_of(const Wait& w) {
    return fmt::format("{} ··waits {}··> {}\n", waiter_of(w), cli::object_of(w), cured_by(w));
}

std::string as_tree(const Graph& all) {
    std::string out;
    each_object(all.links, [&](const Item& i, std::span<const Link> links) {
        auto line = line_of(i, links);
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    });
    for (const auto& w : all.waits) out += line_of(w);
    return out;
}

// Names are a stranger's: what a graph's language could take for its own is taken out.
std::string label(std::string_view text, std::string_view unwanted) {
    std::string out;
    for (const char c : text) out += unwanted.contains(c) ? '\'' : c;
    return out;
}

// Each process and each object once, by a name of its own, and a line from one to the other; and from who waits to who
// could end it.
template <class Node, class Edge, class Waits>
void each_node_and_edge(const Graph& all, Node&& node, Edge&& edge, Waits&& waits) {
    std::set<std::string> done;
    std::size_t objects = 0;
    each_object(all.links, [&](const Item& i, std::span<const Link> links) {
        const auto object = fmt::format("o{}", objects++);
        node(object, object_of(i), true);
        for (const auto& l : links) {
            const auto process = l.holder ? fmt::format("p{}", l.holder->pid) : object + "h";
            if (done.insert(process).second) node(process, process_of(l), false);
            edge(process, object, l);
        }
    });
    const auto known = [&](std::int32_t pid, const std::string& comm) {
        auto process = fmt::format("p{}", pid);
        if (done.insert(process).second) node(process, named(comm, pid), false);
        return process;
    };
    for (const auto& w : all.waits)
        for (const auto* h : w.by) waits(known(w.who.pid, w.who.comm), known(h->pid, h->comm), w);
}
std::string reason_of(const Wait& w) {
    return "waits " + cli::object_of(w) + (w.by_last ? fmt::format(", {} by", last_did(w)) : "");
}

std::string as_dot(const Graph& all) {
    std::string out = "digraph wye {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=10];\n";
    each_node_and_edge(
        all,
        [&](const std::string& id, const std::string& text, bool object) {
            out +=
                fmt::format("  {} [label=\"{}\", shape={}];\n", id, label(text, "\"\\"), object ? "note" : "ellipse");
        },
        [&](const std::string& process, const std::string& object, const Link& l) {
            const auto* style = l.gives && l.takes ? " [dir=none]" : l.gives ? "" : " [dir=back]";
            out += fmt::format("  {} -> {}{};\n", process, object, style);
        },
        [&](const std::string& from, const std::string& to, const Wait& w) {
            out += fmt::format("  {} -> {} [style=dotted, label=\"{}\"];\n", from, to, label(reason_of(w), "\"\\"));
        });
    return out + "}\n";
}

std::string as_mermaid(const Graph& all) {
    std::string out = "graph LR\n";
    each_node_and_edge(
        all,
        [&](const std::string& id, const std::string& text, bool object) {
            const auto plain = label(text, "\"\\<>#;");
            out += object ? fmt::format("  {}[\"{}\"]\n", id, plain) : fmt::format("  {}([\"{}\"])\n", id, plain);
        },
        [&](const std::string& process, const std::string& object, const Link& l) {
            out += l.gives && l.takes ? fmt::format("  {} --- {}\n", process, object)
                   : l.gives          ? fmt::format("  {} --> {}\n", process, object)
                                      : fmt::format("  {} --> {}\n", object, process);
        },
        [&](const std::string& from, const std::string& to, const Wait& w) {
            out += fmt::format("  {} -.->|\"{}\"| {}\n", from, label(reason_of(w), "\"\\<>#;|"), to);
        });
    return out;
}

Json as_json(const Graph& all) {
    Json document{
        {"schema", "wye.map/1"}, {"objects", Json::array()}, {"links", Json::array()}, {"waits", Json::array()}};
    each_object(all.links, [&](const Item& i, std::span<const Link> links) {
        const auto index = document["objects"].size();
        document["objects"].push_back(json_of(i));
        for (const auto& l : links)
            document["links"].push_back({{"object", index},
                                         {"pid", l.holder ? Json(l.holder->pid) : Json(nullptr)},
                                         {"comm", l.holder ? Json(l.holder->comm) : Json(nullptr)},
                                         {"gives", l.gives},
                                         {"takes", l.takes}});
    });
    for (const auto& w : all.waits) {
        Json by = Json::array();
        for (const auto* h : w.by) by.push_back({{"pid", h->pid}, {"comm", h->comm}});
        document["waits"].push_back({{"pid", w.who.pid},
                                     {"tid", w.who.tid},
                                     {"comm", w.who.comm},
                                     {"in", w.who.what},
                                     {"kind", w.item->kind},
                                     {"name", w.item->name},
                                     {"part", w.who.part < 0 ? Json(nullptr) : Json(w.who.part)},
                                     {"until", std::move(by)},
                                     {"nobody_else", w.sure},
                                     {"by_last_use", w.by_last}});
    }
    return document;
}

int draw(const std::string& dot) {
    const auto drawn = wye::Command({"dot", "-Tsvg"}).in(Source::bytes(dot)).run(std::chrono::seconds(30));
    if (!drawn && drawn.error().is(Errc::not_found))
        return report("map", Error::saying(Errc::not_found,
                                           "--svg is drawn by dot(1): apt-get install graphviz; or take --mermaid")),
               int{view_error};
    if (!drawn) return report("map", drawn.error()), int{view_error};
    page_out(drawn->out);
    return view_found;
}

int run(const Options& o) {
    const auto seen = take_inventory();
    Graph all{.links = links_in(seen, o.wanted), .waits = {}};
    all.waits = waits_near(seen, o.wanted, all.links);
    const int code = view_exit(seen.coverage, !all.links.empty() || !all.waits.empty());
    if (o.svg) {
        const int drawn = draw(as_dot(all));
        return drawn == view_found ? code : drawn;
    }
    if (o.json) {
        auto document = as_json(all);
        document["coverage"] = json_of(seen.coverage);
        page_out(dumped(document, 2) + "\n");
    } else if (o.dot) {
        page_out(as_dot(all));
    } else if (o.mermaid) {
        page_out(as_mermaid(all));
    } else {
        page_out(as_tree(all) + fmt::format("{}. Took {}.\n", coverage_line(seen.coverage),
                                            human_time(static_cast<double>(seen.coverage.took))));
    }
    return code;
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    auto* pid = app.add_option("--pid", o->wanted.pid, "only what is near this process")->positive();
    app.add_option("--hops", o->wanted.hops, "so many objects away from it (1)")->needs(pid)->between(1, 100);
    app.add_flag("--alone", o->wanted.alone, "objects too that only one process has");
    const std::array ways{
        app.add_flag("--tree", o->tree, "an object a line (what is done unless asked otherwise)"),
        app.add_flag("--dot", o->dot, "for dot(1) of Graphviz"),
        app.add_flag("--mermaid", o->mermaid, "for a page that knows Mermaid"),
        app.add_flag("--svg", o->svg, "a picture, drawn by dot(1)"),
        app.add_flag("--json", o->json, "one document, schema wye.map/1"),
    };
    for (auto* one : ways)
        for (auto* other : ways)
            if (one != other) one->excludes(other);
    return [o] { return run(*o); };
}

}  // namespace

extern const Command map_command;
const Command map_command{.name = "map",
                          .arguments = "",
                          .summary = "who is connected with whom by what, as lines or a graph",
                          .examples =
                              "wye map\n"
                              "wye map --pid $$ --hops 2\n"
                              "wye map --dot | dot -Tpng >map.png\n"
                              "wye map --mermaid",
                          .define = define};

}  // namespace wye::cli
