### Texts of the admin screens. The keys and variables are those of admin.ru.ftl.
