#include "arguments.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <deque>

namespace wye::cli {

Option* Option::required() { return option_->required(), this; }
Option* Option::expected(int count) { return option_->expected(count), this; }
Option* Option::expected(int least, int most) { return option_->expected(least, most), this; }
Option* Option::take_all() { return option_->take_all(), this; }
Option* Option::allow_extra_args(bool allow) { return option_->allow_extra_args(allow), this; }
Option* Option::delimiter(char c) { return option_->delimiter(c), this; }
Option* Option::type_name(std::string name) { return option_->type_name(std::move(name)), this; }
Option* Option::between(int least, int most) { return option_->check(CLI::Range(least, most)), this; }
Option* Option::positive() { return option_->check(CLI::PositiveNumber), this; }
Option* Option::excludes(Option* other) { return option_->excludes(other->option_), this; }
Option* Option::needs(Option* other) { return option_->needs(other->option_), this; }

struct Arguments::Inner {
    CLI::App app;
    std::deque<Option> options;  // which stay where they are

    Option* add(CLI::Option* o) { return &options.emplace_back(*o); }
};

Arguments::Arguments(std::string verb) : in_(std::make_unique<Inner>()) { in_->app.name(std::move(verb)); }
Arguments::~Arguments() = default;

template <class T>
Option* Arguments::add_option(std::string names, T& value, std::string help) {
    return in_->add(in_->app.add_option(std::move(names), value, std::move(help)));
}
template Option* Arguments::add_option(std::string, std::string&, std::string);
template Option* Arguments::add_option(std::string, std::vector<std::string>&, std::string);
template Option* Arguments::add_option(std::string, int&, std::string);
template Option* Arguments::add_option(std::string, unsigned&, std::string);
template Option* Arguments::add_option(std::string, long&, std::string);
template Option* Arguments::add_option(std::string, std::uint64_t&, std::string);
template Option* Arguments::add_option(std::string, double&, std::string);
template Option* Arguments::add_option(std::string, std::optional<int>&, std::string);
template Option* Arguments::add_option(std::string, std::optional<unsigned>&, std::string);
template Option* Arguments::add_option(std::string, std::optional<double>&, std::string);
template Option* Arguments::add_option(std::string, std::optional<std::string>&, std::string);

Option* Arguments::add_option(std::string names, const std::function<void(const std::string&)>& take,
                              std::string help) {
    return in_->add(in_->app.add_option_function<std::string>(std::move(names), take, std::move(help)));
}
Option* Arguments::add_flag(std::string names, bool& value, std::string help) {
    return in_->add(in_->app.add_flag(std::move(names), value, std::move(help)));
}

void Arguments::allow_extras() { in_->app.allow_extras(); }
void Arguments::prefix_command() { in_->app.prefix_command(); }
std::vector<std::string> Arguments::remaining() const { return in_->app.remaining(); }

Arguments::Parsed Arguments::parse(int argc, const char* const* argv) {
    try {
        in_->app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return {.help = true, .error = {}};
    } catch (const CLI::ParseError& e) {
        return {.help = false, .error = e.what()};
    }
    return {};
}

std::vector<Arguments::Line> Arguments::lines() const {
    std::vector<Line> all;
    for (const auto* o : in_->app.get_options()) {
        if (o->get_group().empty()) continue;
        auto names = o->get_name(o->get_positional(), true);
        if (const auto type = o->get_type_name();
            !type.empty() && o->get_items_expected_max() > 0 && !o->get_positional())
            names += "=" + type;
        all.push_back({std::move(names), o->get_description()});
    }
    return all;
}

std::vector<std::string> Arguments::long_names() const {
    std::vector<std::string> all;
    for (const auto* o : in_->app.get_options())
        for (const auto& n : o->get_lnames()) all.push_back("--" + n);
    return all;
}

}  // namespace wye::cli
