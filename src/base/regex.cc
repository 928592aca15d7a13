// The one file that knows RE2. No exception leaves it: RE2 throws none, and running out of memory
// ends the process.
extern "C" {
#include "base/err.h"
}
#include "base/regex.h"

#include <re2/re2.h>

#include <new>
#include <string>

struct regex {
    RE2 re;

    regex(re2::StringPiece pattern, const RE2::Options &options) : re(pattern, options) {}
};

static re2::StringPiece piece(struct str text)
{
    return re2::StringPiece(text.at != nullptr ? text.at : "", text.len);
}

struct regex *regex_compile(struct str pattern, struct err *err)
{
    RE2::Options options(RE2::Quiet);

    options.set_dot_nl(true);
    options.set_max_mem(REGEX_MEMORY_BYTES_MAX);
    struct regex *r = new (std::nothrow) regex(piece(pattern), options);
    if (r == nullptr) {
        err_set(err, ERR_LIMIT, "out of memory");
        return nullptr;
    }
    if (!r->re.ok()) {
        bool large = r->re.error_code() == RE2::ErrorPatternTooLarge;
        err_set(err, large ? ERR_LIMIT : ERR_INVALID, "error parsing regexp: %.300s",
            r->re.error().c_str());
        delete r;
        return nullptr;
    }
    return r;
}

void regex_free(struct regex **r)
{
    delete *r;
    *r = nullptr;
}

bool regex_match(const struct regex *r, struct str text)
{
    return r->re.Match(piece(text), 0, text.len, RE2::ANCHOR_BOTH, nullptr, 0);
}

bool regex_search(const struct regex *r, struct str text)
{
    return r->re.Match(piece(text), 0, text.len, RE2::UNANCHORED, nullptr, 0);
}

bool regex_match_groups(const struct regex *r, struct str text, struct str *groups, size_t count)
{
    re2::StringPiece found[REGEX_GROUPS_MAX + 1];
    size_t have = regex_group_count(r) + 1;
    size_t wanted = count < have ? count : have;

    if (wanted > REGEX_GROUPS_MAX + 1)
        wanted = REGEX_GROUPS_MAX + 1;
    if (!r->re.Match(piece(text), 0, text.len, RE2::ANCHOR_BOTH, found, (int)wanted))
        return false;
    for (size_t i = 0; i < count; i++)
        groups[i] = i < wanted ? str{found[i].data(), found[i].size()}
                               : str{nullptr, 0};
    return true;
}

size_t regex_group_count(const struct regex *r)
{
    return (size_t)r->re.NumberOfCapturingGroups();
}

int regex_group_named(const struct regex *r, struct str name)
{
    const auto &names = r->re.NamedCapturingGroups();
    auto found = names.find(std::string(name.at, name.len));

    return found != names.end() ? found->second : -1;
}
