"""What sources share: containers, text, JSON, dates, and the records that several of them hold."""
