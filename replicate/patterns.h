// Lists of regular expressions that select topics, groups and configuration properties, as in MM2:
// "orders.*, payments", each for the whole name.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kferry::replicate {

// Kafka's DefaultTopicFilter, DefaultGroupFilter and DefaultConfigPropertyFilter.
inline constexpr std::string_view kDefaultTopicsExclude = R"(.*[\-\.]internal, .*\.replica, __.*)";
inline constexpr std::string_view kDefaultGroupsExclude = "console-consumer-.*, connect-.*, __.*";
inline constexpr std::string_view kDefaultConfigPropertiesExclude =
    R"(follower\.replication\.throttled\.replicas, leader\.replication\.throttled\.replicas, )"
    R"(message\.timestamp\.difference\.max\.ms, message\.timestamp\.type, )"
    R"(unclean\.leader\.election\.enable, min\.insync\.replicas)";

// One expression in ECMAScript's syntax. kUsage, with the expression: it is broken, it is one of
// those that mean something else in Java's syntax ("\Qa.b\E", "[a-z&&[^b]]"), or it refers back to
// a group.
Result<std::regex> parse_pattern(std::string_view text);

// Separated by commas; blanks around them and what is empty are left out. An expression cannot have
// a comma in it, as in MM2.
Result<std::vector<std::regex>> parse_patterns(std::string_view list);
// The same of a list that is one already, where an expression may have a comma.
Result<std::vector<std::regex>> parse_patterns(const std::vector<std::string>& list);

// The expressions of such a list, as they stand.
std::vector<std::string> split_patterns(std::string_view list);

// The name that an expression gives literally: "billing", "a\.b", what quoted_pattern() makes. A
// dot stands for itself here, whatever else it matches. nullopt: it gives none.
std::optional<std::string> literal_name(std::string_view expression);
// Of all these; without those that give none.
std::vector<std::string> literal_names(const std::vector<std::string>& expressions);

// An expression that matches `name` and nothing else, in ECMAScript's syntax and in Java's. It can
// stand in a list: commas and blanks are written as \xNN.
std::string quoted_pattern(std::string_view name);

}  // namespace kferry::replicate
