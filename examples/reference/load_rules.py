from kyoukai.testing import Rule, load_rules

rules: dict[str, Rule] = {rule.id: rule for rule in load_rules()}
print(rules["K1.1"].title, rules["K1.1"].level)  # the class loads required
