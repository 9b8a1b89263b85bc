import { useId } from 'react';

export interface Choice {
  value: string;
  label: string;
}

/** The browser's own list: it works by keyboard, by touch and with a screen reader. */
export function Select({ label, choices, value, onChange, disabled = false }: {
  label: string;
  choices: readonly Choice[];
  value: string;
  onChange: (value: string) => void;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </div>
  );
}
