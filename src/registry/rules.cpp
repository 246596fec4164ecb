#include "registry/rules.hpp"

#include "wye/base/text.hpp"
#include "wye/registry/inventory.hpp"

#include "os/small_file.hpp"
#include "os/user.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <sstream>

namespace wye {
namespace {

constexpr std::string_view built_in = "built in";
const std::string directory = "/etc/wye/rules.d", old_file = "/etc/wye/persist";

std::optional<std::uint32_t> number_of(const std::string& user) {
    const auto id = sys::user_of(user);
    return id ? std::optional<std::uint32_t>(*id) : std::nullopt;
}

// Of one line: what is left of it, and the error that it is.
class Line {
public:
    Line(std::string_view text, std::string where) : words_(std::string(text)), where_(std::move(where)) {}

    Result<Rule> rule() {
        Rule r{.where = where_};
        auto word = next();
        if (word == "protect" || word == "claim" || word == "ordinary") {
            r.what = word == "claim"     ? Rule::What::claim
                     : word == "protect" ? Rule::What::protect
                                         : Rule::What::ordinary;
            word = next();
        }
        WYE_CHECK(kinds(word));
        r.kind = word, r.name = next();
        if (r.name.empty()) return wrong("the pattern of a name is missing");
        for (word = next(); !word.empty(); word = next()) {
            const auto equals = word.find('=');
            if (equals == word.npos ||
                !std::ranges::all_of(word.substr(0, equals), [](char c) { return c >= 'a' && c <= 'z'; }))
                break;
            WYE_CHECK(condition(word.substr(0, equals), word.substr(equals + 1), r));
        }
        std::string rest;
        std::getline(words_ >> std::ws, rest);
        r.why = word.empty() || rest.empty() ? word : word + " " + rest;
        if (r.what == Rule::What::claim && r.alive.empty() && r.name == "*")
            return wrong("a claim on every name needs alive=, or it says nothing");
        return r;
    }

private:
    std::string next() {
        std::string w;
        words_ >> w;
        return w;
    }
    std::unexpected<Error> wrong(const std::string& what) const {
        return refuse(Errc::bad_address,
                      where_ + ": " + what + "; as in: protect posix-shm /cache-* user=www the nightly job reads it");
    }
    Result<> kinds(const std::string& word) const {
        const auto known = inventory_kinds();
        std::istringstream list(word);
        for (std::string k; std::getline(list, k, ',');) {
            if (k == "*" || std::ranges::find(known, k) != known.end()) continue;
            const auto near = nearest(k, known);
            return wrong("\"" + escape(k) + "\" is no kind" +
                         (near.empty() ? std::string() : ", did you mean \"" + std::string(near) + "\"?"));
        }
        if (word.empty()) return wrong("a kind is missing");
        return {};
    }
    Result<> condition(const std::string& key, const std::string& value, Rule& r) const {
        if (key == "user") {
            r.user = value;
            // Programs that wye knows are not on every machine.
            if (where_.starts_with(built_in)) return {};
            r.uid = number_of(value);
            if (!*r.uid) return wrong("user=" + escape(value) + ": there is no such user");
            return {};
        }
        if (key == "key") return keys(value, r);
        if (key != "alive") return wrong("\"" + key + "=\" is no condition: there are user=, key= and alive=");
        const bool process = value.starts_with("process:") && value.size() > 8;
        if (!process && value != "mpi" && value != "postmaster")
            return wrong("alive=" + escape(value) + ": there are process:NAME, mpi and postmaster");
        r.alive = value;
        return {};
    }
    Result<> keys(const std::string& value, Rule& r) const {
        const auto dash = value.find('-');
        const auto from = parse_number(value.substr(0, dash));
        const auto to = dash == value.npos ? from : parse_number(value.substr(dash + 1));
        if (!from || !to || *from > *to || *to > UINT32_MAX)
            return wrong("key=" + escape(value) + ": write key=0x5151 or key=0x5151-0x51ff");
        r.keys = {static_cast<std::uint32_t>(*from), static_cast<std::uint32_t>(*to)};
        return {};
    }

    std::istringstream words_;
    std::string where_;
};

Result<> add_file(const std::string& file, std::vector<Rule>& all) {
    const auto text = sys::read_whole(file);
    if (!text) return text.error().kind() == Errc::not_found ? Result<>() : Result<>(std::unexpected(text.error()));
    WYE_TRY(auto rules, parse_rules(*text, file));
    std::ranges::move(rules, std::back_inserter(all));
    return {};
}

}  // namespace

bool Rule::matches(const Item& i) const {
    if (kind != "*" && ("," + kind + ",").find("," + std::string(i.kind) + ",") == kind.npos) return false;
    if (keys) {
        const auto key = std::ranges::find(i.facts, "key", [](const auto& f) { return std::string_view(f.first); });
        const auto* text = key == i.facts.end() ? nullptr : std::get_if<std::string>(&key->second);
        const auto n = text ? parse_number(*text) : std::nullopt;
        if (!n || *n < keys->first || *n > keys->second) return false;
    }
    if (::fnmatch(name.c_str(), i.name.c_str(), 0) != 0) return false;
    if (user.empty()) return true;
    if (!uid) uid = number_of(user);
    return *uid && i.uid == *uid;
}

Result<std::vector<Rule>> parse_rules(std::string_view text, const std::string& file) {
    std::vector<Rule> all;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        const auto from = line.find_first_not_of(" \t\r");
        if (from == line.npos || line[from] == '#') continue;
        WYE_TRY(auto rule, Line(line, file + ":" + std::to_string(number)).rule());
        all.push_back(std::move(rule));
    }
    return all;
}

Result<std::vector<Rule>> read_rules(const std::string& more) {
    std::vector<Rule> all;
    if (!more.empty()) {
        WYE_TRY(const auto text, sys::read_whole(more));
        WYE_TRY(all, parse_rules(text, more));
    }
    if (auto names = sys::names_in(directory)) {
        std::ranges::sort(*names);
        for (const auto& n : *names)
            if (n.ends_with(".conf") && !n.starts_with('.')) WYE_CHECK(add_file(directory + "/" + n, all));
    } else if (names.error().kind() != Errc::not_found) {
        return std::unexpected(names.error());
    }
    WYE_CHECK(add_file(old_file, all));
    WYE_TRY(auto known, parse_rules(built_in_rules(), std::string(built_in)));
    std::ranges::move(known, std::back_inserter(all));
    return all;
}

}  // namespace wye
