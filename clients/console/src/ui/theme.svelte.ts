const KEPT = "waggle.theme";
const CHOICES = ["system", "light", "dark"] as const;
const SIGNS = { system: "◐", light: "○", dark: "●" };

type Choice = (typeof CHOICES)[number];

/** Light, dark, or as the system has it; kept on this device. */
class Theme {
  choice = $state<Choice>("system");
  sign = $derived(SIGNS[this.choice]);

  constructor() {
    const kept = localStorage.getItem(KEPT);
    this.choose(CHOICES.find((one) => one === kept) ?? "system");
  }

  next(): void {
    this.choose(CHOICES[(CHOICES.indexOf(this.choice) + 1) % CHOICES.length] ?? "system");
  }

  choose(choice: Choice): void {
    this.choice = choice;
    localStorage.setItem(KEPT, choice);
    if (choice === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = choice;
    dispatchEvent(new Event("themechange"));
  }
}

export const theme = new Theme();
