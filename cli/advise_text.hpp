// What `wye advise` says: the answer for people, and for programs.
#pragma once
#include "measure/advice.hpp"
#include "table.hpp"

#include <string>

namespace wye::cli {

struct Advised {
    const advice::Needs& needs;
    const advice::Advice& advice;
    const advice::Figures* figures;  // null: nothing was measured
    std::string no_figures;          // why not
};

std::string as_text(const Advised&, bool all);
Json as_json(const Advised&);
/// Of every means what it is not for and what hurts, as a table of Markdown.
std::string hurts_as_markdown();

}  // namespace wye::cli
