// What a verb can be told: options and words. They are CLI11's, whose headers take longer to compile than most verbs:
// only arguments.cpp includes them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class Option;
}

namespace wye::cli {

/// One of them, as long as its Arguments live; each call answers the option itself.
class Option {
public:
    explicit Option(CLI::Option& o) noexcept : option_(&o) {}

    Option* required();
    Option* expected(int count);  // how many words it takes
    Option* expected(int least, int most);
    Option* take_all();                           // given again, it adds
    Option* allow_extra_args(bool allow = true);  // more words than one after it are its own
    Option* delimiter(char);                      // between words of one
    Option* type_name(std::string);               // "TIME", in the page
    Option* between(int least, int most);
    Option* positive();
    Option* excludes(Option*);
    Option* needs(Option*);

private:
    CLI::Option* option_;
};

class Arguments {
public:
    explicit Arguments(std::string verb = {});
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;
    ~Arguments();

    /// "-n,--count", or "uri" for what is given by its place; the value is written by parse() and must live till then.
    /// The types of values that there are stand in arguments.cpp: another does not link.
    template <class T>
    Option* add_option(std::string names, T& value, std::string help = {});
    Option* add_option(std::string names, const std::function<void(const std::string&)>&, std::string help);
    Option* add_flag(std::string names, bool& value, std::string help);

    void allow_extras();    // what is no option is kept for remaining()
    void prefix_command();  // so is all that follows the first word that none of its places takes
    std::vector<std::string> remaining() const;

    struct Parsed {
        bool help = false;  // --help was asked for
        std::string error;  // empty: nothing is wrong
    };
    Parsed parse(int argc, const char* const* argv);

    struct Line {
        std::string names, help;
    };
    /// Of a verb's page.
    std::vector<Line> lines() const;
    /// "--count" and all its other long ones.
    std::vector<std::string> long_names() const;

private:
    struct Inner;
    std::unique_ptr<Inner> in_;
};

}  // namespace wye::cli
