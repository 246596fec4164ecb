#include "top_screen.hpp"

#include "wye/base/text.hpp"

#include "command.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <cstdlib>

#ifndef WYE_NCURSES

namespace wye::cli {
bool has_top_screen() noexcept { return false; }
std::string run_top_screen(TopModel&, const TopScreen&) { return "this wye was built without ncurses"; }
}  // namespace wye::cli

#else

#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include "top_cells.hpp"

#include <curses.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdint>
#include <cstdio>
#include <memory>

namespace wye::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

enum Pair : short { plain_pair = 0, fresh_pair, alarm_pair, wait_pair, title_pair };

constexpr std::string_view help_lines[] = {
    "arrows j k PgUp PgDn Home End   go through the rows",
    "< >  s                          sort by the column before, after",
    "r                               the other way round",
    "/                               filter: a word, or a condition as size>1M",
    "Enter f                         what is known of an object; there:",
    "                                of one of its processes, all that it has",
    "Esc Backspace                   back",
    "p Space                         pause",
    "Ctrl-L                          draw anew",
    "h ?                             this page",
    "q                               quit",
    "",
    "STATE: full, no reader (the next write ends the writer), waits, held.",
    "What changed since the last look is there too: new, gone, held, let go,",
    "or how fast the use grows.",
};

// The terminal, from the first drawing to the last, whatever comes between.
class Terminal {
public:
    Terminal() : in_(::isatty(0) ? nullptr : std::fopen("/dev/tty", "re")) {
        std::setlocale(LC_CTYPE, "");
        if (!in_ && !::isatty(0)) return;
        // Asked before, for newterm() loses memory where the terminal is not known.
        int known = 0;
        if (::setupterm(nullptr, 1, &known) != OK) return;
        ::del_curterm(::cur_term);
        screen_ = ::newterm(nullptr, stdout, in_ ? in_.get() : stdin);
        if (!screen_) return;
        ::cbreak(), ::noecho(), ::nonl(), ::keypad(stdscr, TRUE), ::nodelay(stdscr, TRUE), ::curs_set(0);
        ::set_escdelay(25);
        if (!colored() || !::has_colors() || ::start_color() != OK) return;
        ::use_default_colors();
        ::init_pair(fresh_pair, COLOR_GREEN, -1), ::init_pair(alarm_pair, COLOR_RED, -1);
        ::init_pair(wait_pair, COLOR_YELLOW, -1), ::init_pair(title_pair, COLOR_CYAN, -1);
        colors_ = true;
    }
    ~Terminal() {
        if (!screen_) return;
        ::endwin();
        ::delscreen(screen_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    bool open() const noexcept { return screen_ != nullptr; }
    /// Whether text can be put anywhere on it.
    static bool moves() noexcept {
        const auto cup = reinterpret_cast<std::intptr_t>(::tigetstr("cup"));  // 0: it has none; -1: it is no such word
        return cup != 0 && cup != -1;
    }
    int input() const noexcept { return in_ ? ::fileno(in_.get()) : 0; }
    attr_t style(Pair p, attr_t otherwise) const noexcept {
        return colors_ ? static_cast<attr_t>(COLOR_PAIR(p)) : otherwise;
    }
    /// Also after a stop, during which nobody told of a new size.
    static void fit() noexcept {
        winsize w{};
        if (::ioctl(1, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0 && (w.ws_row != LINES || w.ws_col != COLS))
            ::resizeterm(w.ws_row, w.ws_col);
    }

private:
    struct Close {
        void operator()(FILE* f) const noexcept { (void)std::fclose(f); }
    };
    std::unique_ptr<FILE, Close> in_;
    SCREEN* screen_ = nullptr;
    bool colors_ = false;
};

class Screen {
public:
    Screen(TopModel& model, const TopScreen& how, const Terminal& terminal)
        : m_(model), how_(how), t_(terminal), cells_(is_utf8()) {}

    void run() {
        // The first look has been taken.
        looks_ = 1, next_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(how_.interval);
        keep_cursor();
        draw();
        while (!done_ && !interrupted()) {
            bool anew = wait();
            if (how_.rounds != 0 && looks_ >= how_.rounds && Clock::now() >= next_) break;
            if (!paused_ && Clock::now() >= next_) look(), anew = true;
            if (anew) draw();
        }
    }

private:
    static bool is_utf8() {
        const char* where = std::setlocale(LC_CTYPE, nullptr);
        return where && MB_CUR_MAX > 1;
    }

    void look() {
        how_.look(m_);
        ++looks_;
        next_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(how_.interval);
        keep_cursor();
    }
    // Keys as they come; a signal is noticed within a fifth of a second. Whether there was anything to draw for.
    bool wait() {
        const auto left =
            paused_ ? Clock::duration(200ms) : std::clamp<Clock::duration>(next_ - Clock::now(), 0ms, 200ms);
        pollfd p{.fd = t_.input(), .events = POLLIN, .revents = 0};
        const int n = ::poll(&p, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
        Terminal::fit();
        if (n > 0 && (p.revents & POLLIN) == 0) done_ = true;  // the terminal has gone
        bool any = false;
        for (wint_t key = 0;;) {
            const int kind = ::get_wch(&key);
            if (kind == ERR) break;
            any = true;
            press(kind == KEY_CODE_YES ? static_cast<int>(key) : 0, kind == OK ? static_cast<wchar_t>(key) : L'\0');
        }
        if (n < 0) ::clearok(curscr, TRUE);  // back from a stop, maybe
        silent_ = n > 0 && !any ? silent_ + 1 : 0;
        if (silent_ > 3) done_ = true;  // readable, and nothing to read: its end
        return any || n < 0;
    }

    // ---- keys

    void press(int code, wchar_t c) {
        if (code == KEY_RESIZE) return;
        if (help_) return void(help_ = false);
        if (typing_) return type(code, c);
        note_.clear();
        if (code == KEY_UP || c == L'k') return move(-1);
        if (code == KEY_DOWN || c == L'j') return move(1);
        if (code == KEY_PPAGE) return move(-std::max(body_, 1));
        if (code == KEY_NPAGE) return move(std::max(body_, 1));
        if (code == KEY_HOME || c == L'g') return move(-1'000'000);
        if (code == KEY_END || c == L'G') return move(1'000'000);
        if (code == KEY_ENTER || code == KEY_RIGHT || c == L'\r' || c == L'\n' || c == L'f') return follow();
        if (code == KEY_BACKSPACE || code == KEY_LEFT || c == 27 || c == 127 || c == 8) return back();
        switch (c) {
            case L'<':
                return m_.sort_next(-1), keep_cursor();
            case L'>':
            case L's':
                return m_.sort_next(1), keep_cursor();
            case L'r':
                return m_.reverse(), keep_cursor();
            case L'/':
                typing_ = true;
                return;
            case L'p':
            case L' ':
                paused_ = !paused_;
                return;
            case L'h':
            case L'?':
                help_ = true;
                return;
            case L'q':
                done_ = true;
                return;
            case 12:
                ::clearok(stdscr, TRUE);
                return;
            default:
                note_ = "h shows the keys";
        }
    }

    void type(int code, wchar_t c) {
        auto text = m_.typed();
        if (code == KEY_ENTER || c == L'\r' || c == L'\n') return void(typing_ = false);
        if (c == 27)
            text.clear(), typing_ = false;
        else if (code == KEY_BACKSPACE || c == 127 || c == 8)
            Cells::drop_last(text);
        else if (c == 21)
            text.clear();  // Ctrl-U
        else if (c >= 32 && code == 0)
            Cells::append(text, c);
        m_.type_filter(std::move(text));
        keep_cursor();
    }

    void move(int by) {
        if (in_details()) {
            const auto n = static_cast<int>(details_.size());
            const auto here = detail_ + (by < 0 ? -1 : 1);
            // From one process to the next.
            for (int i = here; i >= 0 && i < n; i += by < 0 ? -1 : 1)
                if (details_[static_cast<std::size_t>(i)].pid != 0) return void(detail_ = i);
            return;
        }
        const auto n = static_cast<int>(m_.rows().size());
        cursor_ = std::clamp(cursor_ + by, 0, std::max(n - 1, 0));
        remember();
    }
    void follow() {
        if (in_details()) {
            if (detail_ < 0) return;
            const auto& d = details_[static_cast<std::size_t>(detail_)];
            if (d.pid == 0) return;
            if (!m_.follow(d.pid)) return void(note_ = fmt::format("process {} has ended", d.pid));
            m_.type_filter({});
            object_.reset(), cursor_ = top_ = 0, key_.reset();
            return;
        }
        if (m_.rows().empty()) return;
        object_.emplace(*m_.rows()[static_cast<std::size_t>(cursor_)].item);
        detail_ = -1;
        take_details();
        move(1);
    }
    void back() {
        if (object_) return object_.reset();
        if (m_.followed()) return m_.follow_nobody(), keep_cursor();
        if (!m_.typed().empty()) m_.type_filter({}), keep_cursor();
    }
    bool in_details() const noexcept { return object_.has_value(); }

    void remember() {
        key_.reset();
        if (!m_.rows().empty()) key_.emplace(*m_.rows()[static_cast<std::size_t>(cursor_)].item);
    }
    // On the object that it was on, wherever that is by now.
    void keep_cursor() {
        const auto& rows = m_.rows();
        const auto n = static_cast<int>(rows.size());
        if (key_ && cursor_ != 0)
            if (const auto at = std::ranges::find_if(rows, [&](const TopRow& r) { return key_->is(*r.item); });
                at != rows.end())
                cursor_ = static_cast<int>(at - rows.begin());
        cursor_ = std::clamp(cursor_, 0, std::max(n - 1, 0));
        remember();
        take_details();
    }
    void take_details() {
        if (!object_) return;
        const auto at = std::ranges::find_if(m_.rows(), [&](const TopRow& r) { return object_->is(*r.item); });
        if (at == m_.rows().end()) {
            details_ = {{fmt::format("{} {} is not there any more", object_->kind, escape(object_->name)), 0}};
            detail_ = 0;
            return;
        }
        details_ = TopModel::details(*at->item);
        if (at->change == Change::gone) details_[0].text += "  (gone)";
        detail_ = std::min(detail_, static_cast<int>(details_.size()) - 1);
    }

    // ---- drawing

    void put(int y, std::string_view text, attr_t style = A_NORMAL) {
        if (y < 0 || y >= LINES) return;
        ::attrset(static_cast<int>(style));
        ::mvaddstr(y, 0, cells_.fitted(text, COLS).c_str());
        ::attrset(A_NORMAL);
    }

    int draw_head() {
        int y = 0;
        put(y++, title(), A_BOLD | t_.style(title_pair, A_NORMAL));
        if (LINES < 10) return y;
        const bool bad = m_.deadlocks() != 0 || !m_.near().empty();
        put(y++, m_.sums(), bad ? t_.style(alarm_pair, A_BOLD) : A_NORMAL);
        if (LINES < 14) return y;
        put(y++, m_.kinds_line(), A_DIM);
        if (LINES >= 18) put(y++, coverage_line(m_.coverage()), A_DIM);
        return y;
    }
    std::string title() const {
        auto s = fmt::format("wye top {}", clock_text());
        if (paused_) s += "  PAUSED";
        if (const auto& f = m_.followed())
            s += fmt::format("  only {}[{}] of {}{}", escape(f->comm), f->pid, user_name(f->uid),
                             f->ended ? ", which has ended" : "");
        if (!m_.typed().empty())
            s += fmt::format("  {} {}", m_.typed_condition() ? "where" : "with", escape(m_.typed()));
        return s + fmt::format("  {} of {}, {}", m_.rows().size(), m_.objects(), m_.sorted_by());
    }

    void draw_foot() {
        const int y = LINES - 1;
        if (typing_) {
            put(y, fmt::format("/{}_", escape(m_.typed())), A_BOLD);
            return;
        }
        if (!note_.empty()) return put(y, note_, A_BOLD);
        put(y,
            in_details() ? "Enter: all of that process  Esc: back  h: help  q: quit"
                         : "q: quit  h: help  /: filter  < >: sort  r: reverse  Enter: follow  p: pause",
            A_DIM);
    }

    void draw_row(int y, const TopRow& r, bool here) {
        auto style = A_NORMAL;
        const auto state = state_of(*r.item);
        if (state == "full" || state == "no reader")
            style = t_.style(alarm_pair, A_BOLD);
        else if (state == "waits")
            style = t_.style(wait_pair, A_NORMAL);
        if (r.change == Change::fresh) style = t_.style(fresh_pair, A_BOLD);
        if (r.change == Change::gone) style = A_DIM;
        if (r.change == Change::use || r.change == Change::held || r.change == Change::let_go) style |= A_BOLD;
        put(y, cells_.row(r, m_, COLS), style | (here ? A_REVERSE : A_NORMAL));
    }

    void draw_rows(int from, int to) {
        body_ = to - from;
        if (body_ <= 0) return;
        top_ = std::clamp(top_, std::max(cursor_ - body_ + 1, 0), cursor_);
        const auto n = static_cast<int>(m_.rows().size());
        top_ = std::clamp(top_, 0, std::max(n - body_, 0));
        for (int y = from, i = top_; y < to && i < n; ++y, ++i)
            draw_row(y, m_.rows()[static_cast<std::size_t>(i)], i == cursor_);
        if (n == 0) put(from, "nothing", A_DIM);
    }

    void draw_details(int from, int to) {
        put(from++, std::string(static_cast<std::size_t>(COLS), '-'), A_DIM);
        const auto n = static_cast<int>(details_.size()), room = to - from;
        const int first = std::clamp(detail_ - room + 1, 0, std::max(n - room, 0));
        for (int y = from, i = first; y < to && i < n; ++y, ++i)
            put(y, details_[static_cast<std::size_t>(i)].text, i == 0 ? A_BOLD : i == detail_ ? A_REVERSE : A_NORMAL);
    }

    void draw_help() {
        int y = 0;
        put(y++, "wye top", A_BOLD);
        for (const auto line : help_lines) put(y++, line);
    }

    void draw() {
        ::erase();
        if (help_) return draw_help(), void(::refresh());
        int y = draw_head();
        const int end = LINES - (LINES > 2 ? 1 : 0);
        if (end - y > 1) put(y++, cells_.titles(m_, COLS), A_REVERSE);
        int rows_end = end;
        if (in_details()) {
            const int wanted = static_cast<int>(details_.size()) + 1;
            rows_end = std::max(end - wanted, y + (end - y) / 2);
            if (end - y < 6) rows_end = y;  // no room for both
            draw_details(rows_end, end);
        }
        draw_rows(y, rows_end);
        if (end < LINES) draw_foot();
        ::refresh();
    }

    TopModel& m_;
    const TopScreen& how_;
    const Terminal& t_;
    Cells cells_;
    Clock::time_point next_{};
    std::uint64_t looks_ = 0;
    bool done_ = false, paused_ = false, typing_ = false, help_ = false;
    int silent_ = 0;
    int cursor_ = 0, top_ = 0, body_ = 0;
    std::optional<TopKey> key_;     // what the cursor is on
    std::optional<TopKey> object_;  // what the details are of
    std::vector<TopDetail> details_;
    int detail_ = 0;
    std::string note_;
};

}  // namespace

bool has_top_screen() noexcept { return true; }

std::string run_top_screen(TopModel& model, const TopScreen& how) {
    const char* term = std::getenv("TERM");
    const auto name = std::string(term ? term : "");
    if (name.empty() || name == "dumb")
        return fmt::format("a terminal that is \"{}\" (TERM) cannot be drawn on", escape(name));
    const Terminal terminal;
    if (!terminal.open()) return fmt::format("the terminal \"{}\" (TERM) is not known here", escape(name));
    if (!Terminal::moves()) return fmt::format("a terminal that is \"{}\" (TERM) cannot be drawn on", escape(name));
    Screen(model, how, terminal).run();
    return {};
}

}  // namespace wye::cli

#endif
